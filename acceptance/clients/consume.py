"""Reads records back with librdkafka, in a consumer group, and checks every one of them.

With --acks it knows what was acknowledged: each of these ids must be read, at the offset that the acknowledgement named.
Records that were produced but never acknowledged may be read too; they are counted. The last line on standard output is a
JSON object. Exit code 1 when a record is missing, damaged, or at another offset than acknowledged.
"""

import argparse
import sys

from confluent_kafka import Consumer, KafkaException

import records


class Seen:
    """What was read so far."""

    def __init__(self, expected):
        self.expected = expected
        self.missing = set(expected)
        self.places = {}
        self.digest = records.Digest()
        self.acknowledged = records.Digest()
        self.duplicates = 0
        self.reread = 0
        self.faults = []

    def take(self, message):
        place = (message.topic(), message.partition(), message.offset())
        record_id = records.check(message.value())
        if record_id is None:
            self.faults.append("the record at %s is damaged" % (place,))
        elif self.places.get(record_id) == place:
            self.reread += 1  # the same record once more: a rebalance, or a commit that came late
        elif record_id in self.places:
            self.duplicates += 1
        else:
            self.fresh(record_id, place, message.value())

    def fresh(self, record_id, place, value):
        self.places[record_id] = place
        self.digest.add(record_id, value)
        if record_id in self.expected:
            self.acknowledged.add(record_id, value)
        self.missing.discard(record_id)
        known = self.expected.get(record_id, place)
        if known[2] is None:
            # librdkafka counts a record as acknowledged without an offset when a later one of the partition was acknowledged.
            known = (known[0], known[1], place[2])
        if known != place:
            self.faults.append("%s was acknowledged at %s and read at %s" % (record_id, self.expected[record_id], place))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True, action="append")
    parser.add_argument("--group", required=True)
    parser.add_argument("--count", type=int, default=0, help="different records to read; those of --acks without it")
    parser.add_argument("--acks", action="append", default=[], help="acknowledgements that produce.py wrote")
    parser.add_argument("--deadline", type=float, default=60, help="seconds until everything must have been read")
    parser.add_argument("--no-duplicates", action="store_true", help="fail when a record is in the log twice")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a further librdkafka setting")
    return parser.parse_args()


def settings(args):
    """librdkafka's settings; --set comes last."""
    found = {"bootstrap.servers": args.bootstrap, "group.id": args.group, "auto.offset.reset": "earliest", "check.crcs": True,
             "enable.auto.commit": False, "client.id": "consume.py", "session.timeout.ms": 10_000, "heartbeat.interval.ms": 1_000,
             "socket.timeout.ms": 10_000, "reconnect.backoff.max.ms": 1_000, "topic.metadata.refresh.interval.ms": 2_000}
    found.update(setting.split("=", 1) for setting in args.set)
    return found


def consume(args, consumer, seen):
    """Reads until there is nothing left to wait for, then commits."""
    started = records.monotonic()
    while seen.missing or len(seen.places) < args.count:
        if records.monotonic() - started > args.deadline:
            return
        for message in consumer.consume(500, 0.2):
            if message.error():
                if message.error().fatal():
                    raise KafkaException(message.error())
                print("consumer: %s" % message.error(), file=sys.stderr)
            else:
                seen.take(message)
    consumer.commit(asynchronous=False)


def main():
    args = arguments()
    seen = Seen(records.acknowledged(args.acks))
    started = records.monotonic()
    consumer = Consumer(settings(args))
    try:
        consumer.subscribe(args.topic)
        consume(args, consumer, seen)
    except KafkaException as error:
        records.fail("the consumer gave up after %d records: %s" % (len(seen.places), error))
    finally:
        consumer.close()
    records.report(read=len(seen.places), expected=len(seen.expected) or args.count, missing=len(seen.missing),
                   unacknowledged=len([record_id for record_id in seen.places if record_id not in seen.expected]) if seen.expected else 0,
                   duplicates=seen.duplicates, reread=seen.reread, digest=seen.digest.text(),
                   acknowledged_digest=seen.acknowledged.text(), seconds=round(records.monotonic() - started, 3))
    if seen.faults:
        records.fail("%d faults, the first: %s" % (len(seen.faults), seen.faults[0]))
    if seen.missing:
        sample = sorted(seen.missing)[0]
        records.fail("%d acknowledged records were not read, the first: %s at %s" % (len(seen.missing), sample, seen.expected[sample]))
    if len(seen.places) < args.count:
        records.fail("%d of %d records were read" % (len(seen.places), args.count))
    if args.no_duplicates and seen.duplicates:
        records.fail("%d records are in the log more than once" % seen.duplicates)


if __name__ == "__main__":
    sys.exit(main())
