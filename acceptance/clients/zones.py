"""A consumer of librdkafka with `client.rack` reads from the broker of its zone, whoever leads (KIP-392).

Writes to every partition, reads everything back, and goes on at the end of the log: each record must arrive. Exit code 1 when
one does not, or when another broker than that of the zone has sent records.
"""

import argparse
import json
import sys
import time

from confluent_kafka import Consumer, Producer

PARTITIONS = 4
RECORDS = 4000
TAIL = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--rack", required=True)
    parser.add_argument("--near", required=True, help="address of the broker of that zone")
    parser.add_argument("--deadline", type=float, default=60)
    return parser.parse_args()


def near_and_others(stats, near):
    """Bytes received from the broker of the zone, and Fetch requests to all others."""
    brokers = [broker for broker in stats.get("brokers", {}).values() if broker["nodeid"] >= 0]
    is_near = [broker for broker in brokers if broker["nodename"] == near]
    others = [broker["req"].get("Fetch", 0) for broker in brokers if broker["nodename"] != near]
    return sum(broker["rxbytes"] for broker in is_near), sum(others)


def main():
    args = arguments()
    producer = Producer({"bootstrap.servers": args.bootstrap})

    def produce(first, count):
        for number in range(first, first + count):
            producer.produce(args.topic, b"%d" % number, partition=number % PARTITIONS)
        if producer.flush(args.deadline):
            sys.exit("records were not acknowledged")

    produce(0, RECORDS)
    stats = {}
    consumer = Consumer({
        "bootstrap.servers": args.bootstrap, "group.id": "zone-" + args.rack, "auto.offset.reset": "earliest",
        "client.rack": args.rack, "statistics.interval.ms": 200, "stats_cb": lambda text: stats.update(json.loads(text)),
    })
    consumer.subscribe([args.topic])
    seen = set()

    def read(count):
        ends = time.monotonic() + args.deadline
        while len(seen) < count and time.monotonic() < ends:
            seen.update(int(message.value()) for message in consumer.consume(500, 0.2) if not message.error())
        if len(seen) != count:
            sys.exit("%d of %d records were read" % (len(seen), count))

    def counted():
        """Statistics of what was sent and received by now."""
        stats.clear()
        ends = time.monotonic() + args.deadline
        while not stats and time.monotonic() < ends:
            consumer.poll(0.1)
        return near_and_others(stats, args.near)

    read(RECORDS)
    # Every leader tells where to go as soon as it has heard of the zone's broker; a fetch waits for half a second at most.
    ends = time.monotonic() + args.deadline
    before, settled = counted(), time.monotonic()
    while time.monotonic() < min(settled + 2, ends):
        now = counted()
        if now[1] != before[1]:
            settled = time.monotonic()
        before = now
    for number in range(RECORDS, RECORDS + TAIL):
        produce(number, 1)
        read(number + 1)
    near, others = counted()
    consumer.close()
    print(json.dumps({"near_bytes": near, "fetches_elsewhere": others}))
    if near <= before[0] or others != before[1]:
        sys.exit("%d bytes from the zone's broker, %d fetches from others, after %s" % (near, others, before))



if __name__ == "__main__":
    main()
