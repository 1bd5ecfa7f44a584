"""A consumer group of kafka-python: two members share a topic, one leaves, the other takes over, offsets survive both.

Steps: produce; two members read everything between them, with disjoint partitions that cover the topic; one leaves and the
other gets all partitions; both are gone; more is produced; a new member of the same group reads exactly that. Exit code 1
with a message when anything differs.
"""

import argparse
import sys
import threading

from kafka import KafkaConsumer, KafkaProducer

import records


class Member(threading.Thread):
    """One consumer of the group on a thread of its own."""

    def __init__(self, args, name):
        super().__init__(name=name, daemon=True)
        self.args = args
        self.stop = threading.Event()
        self.partitions = set()
        self.read = []
        self.fault = None

    def run(self):
        try:
            self.consume()
        except Exception as error:  # whatever it is, the main thread must see it
            self.fault = repr(error)

    def consume(self):
        consumer = KafkaConsumer(self.args.topic, bootstrap_servers=self.args.bootstrap, group_id=self.args.group, client_id=self.name,
                                 auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=10_000,
                                 heartbeat_interval_ms=500, max_poll_records=50)
        try:
            while not self.stop.is_set():
                for batch in consumer.poll(timeout_ms=200).values():
                    self.read += [(message.partition, message.offset, message.value) for message in batch]
                self.partitions = {place.partition for place in consumer.assignment()}
                if self.read:
                    consumer.commit()
        finally:
            consumer.close()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True, help="a topic without records, of at least two partitions")
    parser.add_argument("--group", required=True)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--deadline", type=float, default=60)
    return parser.parse_args()


def produce(args, run, count):
    """Produces and returns the ids; every record must be acknowledged."""
    producer = KafkaProducer(bootstrap_servers=args.bootstrap, acks="all", linger_ms=5)
    ids = ["%s-%06d" % (run, number) for number in range(count)]
    sent = [producer.send(args.topic, records.make(record_id, 300), key=record_id.encode()) for record_id in ids]
    for future in sent:
        future.get(timeout=args.deadline)
    partitions = producer.partitions_for(args.topic)
    producer.close()
    return ids, partitions


def until(args, what, members, condition):
    """Waits for a condition; a member that failed ends the wait."""
    started = records.monotonic()
    while not condition():
        for member in members:
            if member.fault:
                records.fail("%s of the group failed: %s" % (member.name, member.fault))
        if records.monotonic() - started > args.deadline:
            state = ["%s: partitions %s, %d records" % (m.name, sorted(m.partitions), len(m.read)) for m in members]
            records.fail("%s did not come about within %d s; %s" % (what, args.deadline, "; ".join(state)))
        threading.Event().wait(0.05)


def ids_of(members):
    """The ids the members read; a damaged record ends the program."""
    found = [records.check(value) for member in members for _, _, value in member.read]
    if None in found:
        records.fail("a record is damaged")
    return found


def leave(args, member):
    member.stop.set()
    member.join(args.deadline)
    if member.is_alive() or member.fault:
        records.fail("%s did not leave the group: %s" % (member.name, member.fault))


def main():
    args = arguments()
    first, second = Member(args, "first"), Member(args, "second")
    ids, partitions = produce(args, args.group + "-a", args.count)
    if len(partitions) < 2:
        records.fail("the topic has %d partition, this needs two" % len(partitions))
    for member in (first, second):
        member.start()
    both = (first, second)
    until(args, "an assignment to both members", both, lambda: first.partitions and second.partitions
          and not first.partitions & second.partitions and first.partitions | second.partitions == partitions)
    until(args, "reading everything", both, lambda: len(set(ids_of(both))) == args.count)
    if set(ids_of(both)) != set(ids):
        records.fail("the group read records that were not produced")
    leave(args, second)
    until(args, "the first member taking over", [first], lambda: first.partitions == partitions)
    leave(args, first)
    more, _ = produce(args, args.group + "-b", args.count)
    third = Member(args, "third")
    third.start()
    until(args, "reading on from the committed offsets", [third], lambda: len(third.read) >= args.count)
    leave(args, third)
    if sorted(ids_of([third])) != sorted(more):
        old = len(set(ids_of([third])) & set(ids))
        records.fail("after the restart %d records were read, %d of them for the second time" % (len(third.read), old))
    records.report(client="kafka-python", produced=2 * args.count, read=len(first.read) + len(second.read) + len(third.read))


if __name__ == "__main__":
    sys.exit(main())
