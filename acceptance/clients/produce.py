"""Produces records with librdkafka, acks=all and idempotence on, and writes down every acknowledgement.

Each line of --acks is one acknowledged record: {"id", "topic", "partition", "offset"}. The last line on standard output is
a JSON object with what happened. Exit code 1 when a record was not acknowledged.
"""

import argparse
import json
import sys

from confluent_kafka import KafkaException, Producer

import records


class Acknowledgements:
    """Counts and writes down what the brokers acknowledged, and measures the longest time without any."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="ascii")
        self.digest = records.Digest()
        self.count = 0
        self.errors = []
        self.started = records.monotonic()
        self.first = self.last = None
        self.longest_gap = 0.0
        # Partition -> the time of its last acknowledgement: shows a take-over while other partitions go on.
        self.last_of = {}
        self.longest_partition_gap = 0.0

    def take(self, record_id, value):
        def delivered(error, message):
            if error is not None:
                self.errors.append("%s: %s" % (record_id, error))
                return
            now = records.monotonic()
            self.first = self.first or now
            self.longest_gap = max(self.longest_gap, now - (self.last or now))
            self.last = now
            gap = now - self.last_of.get(message.partition(), now)
            self.longest_partition_gap = max(self.longest_partition_gap, gap)
            self.last_of[message.partition()] = now
            self.count += 1
            self.digest.add(record_id, value)
            row = {"id": record_id, "topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
            self.file.write(json.dumps(row) + "\n")
        return delivered


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--run", required=True, help="prefix of every id; must differ between producers")
    parser.add_argument("--count", type=int, default=10_000, help="records to produce")
    parser.add_argument("--size", type=int, default=1024, help="bytes of a record's value")
    parser.add_argument("--rate", type=float, help="records per second; as fast as possible without it")
    parser.add_argument("--acks", required=True, help="file that takes the acknowledgements")
    parser.add_argument("--deadline", type=float, default=120, help="seconds a record may wait for its acknowledgement")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a further librdkafka setting")
    return parser.parse_args()


def settings(args):
    """librdkafka's settings; --set comes last."""
    found = {"bootstrap.servers": args.bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 5,
             "message.timeout.ms": int(args.deadline * 1000), "client.id": "produce.py",
             # A broker that is killed must be noticed by the client, not by TCP.
             "socket.timeout.ms": 10_000, "reconnect.backoff.max.ms": 1_000, "topic.metadata.refresh.interval.ms": 2_000}
    found.update(setting.split("=", 1) for setting in args.set)
    return found


def produce(args, producer, acknowledgements):
    """Hands every record to librdkafka, at the asked rate."""
    started = records.monotonic()
    for number in range(args.count):
        record_id = "%s-%08d" % (args.run, number)
        value = records.make(record_id, args.size)
        while True:
            try:
                producer.produce(args.topic, value, key=record_id, on_delivery=acknowledgements.take(record_id, value))
                break
            except BufferError:
                producer.poll(0.1)
        due = started + number / args.rate if args.rate else 0
        producer.poll(0)
        while records.monotonic() < due:
            producer.poll(max(0.0, due - records.monotonic()))
            acknowledgements.file.flush()
        if number % 500 == 0:
            acknowledgements.file.flush()


def main():
    args = arguments()
    acknowledgements = Acknowledgements(args.acks)
    started = records.monotonic()
    try:
        producer = Producer(settings(args))
        produce(args, producer, acknowledgements)
        left = producer.flush(args.deadline + 10)
    except KafkaException as error:
        records.fail("the producer gave up after %d acknowledgements: %s" % (acknowledgements.count, error))
    acknowledgements.file.close()
    seconds = records.monotonic() - started
    records.report(produced=args.count, acknowledged=acknowledgements.count, digest=acknowledgements.digest.text(),
                   seconds=round(seconds, 3), records_per_second=round(acknowledgements.count / seconds),
                   mib_per_second=round(acknowledgements.count * args.size / seconds / 2**20, 3),
                   first_acknowledgement_seconds=round((acknowledgements.first or records.monotonic()) - acknowledgements.started, 3),
                   longest_gap_seconds=round(acknowledgements.longest_gap, 3),
                   longest_partition_gap_seconds=round(acknowledgements.longest_partition_gap, 3))
    if acknowledgements.errors:
        records.fail("%d records were not acknowledged, the first: %s" % (len(acknowledgements.errors), acknowledgements.errors[0]))
    if left or acknowledgements.count != args.count:
        records.fail("%d of %d records were acknowledged" % (acknowledgements.count, args.count))


if __name__ == "__main__":
    sys.exit(main())
