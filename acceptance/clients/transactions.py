"""Transactions with librdkafka: all or nothing, offsets included, and one producer for each transactional id.

`--phase whole` commits and aborts, copies from one topic to another exactly once, and fences a producer. `--phase leave`
commits once and leaves a transaction open, as a crash does; `--phase return` takes it over and expects it aborted.
Exit code 1 when a reader of committed records sees too much or too little.
"""

import argparse
import os
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PATIENCE = 60.0
PARTITIONS = 4


def producer(bootstrap, transactional_id):
    made = Producer({
        "bootstrap.servers": bootstrap,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": 60000,
    })
    made.init_transactions(PATIENCE)
    return made


def reader(bootstrap, group, isolation):
    return Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "isolation.level": isolation,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "enable.partition.eof": False,
    })


def create(bootstrap, *topics):
    wanted = [NewTopic(topic, PARTITIONS, 1) for topic in topics]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(wanted).values():
        future.result(PATIENCE)


def send(made, topic, values):
    """One value to each partition in turn; returns when all are acknowledged."""
    failed = []
    for number, value in enumerate(values):
        made.produce(topic, value, partition=number % PARTITIONS,
                     on_delivery=lambda error, _message: failed.append(error) if error else None)
    left = made.flush(PATIENCE)
    if left or failed:
        sys.exit("%d records left, errors %s" % (left, failed))


def read(bootstrap, topic, isolation, expected):
    """Everything in a topic, in the order of values; waits for as many as are expected, then a little longer."""
    consumer = reader(bootstrap, "read-%s-%s-%f" % (topic, isolation, time.time()), isolation)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    found = []
    deadline = time.monotonic() + PATIENCE
    quiet = None
    while time.monotonic() < (quiet or deadline):
        message = consumer.poll(0.2)
        if message is None:
            if len(found) >= expected and quiet is None:
                quiet = time.monotonic() + 1.0
            continue
        if message.error():
            raise KafkaException(message.error())
        found.append(message.value().decode())
    consumer.close()
    return sorted(found)


def expect(what, found, wanted):
    if found != sorted(wanted):
        sys.exit("%s: read %s, expected %s" % (what, found, sorted(wanted)))


def committed_and_aborted(bootstrap):
    topic = "ledger"
    create(bootstrap, topic)
    made = producer(bootstrap, "teller")
    wanted, everything = [], []
    for turn, ends_well in enumerate([True, False, True, False, True]):
        made.begin_transaction()
        values = ["%d-%d" % (turn, number) for number in range(8)]
        send(made, topic, values)
        everything += values
        if ends_well:
            made.commit_transaction(PATIENCE)
            wanted += values
        else:
            made.abort_transaction(PATIENCE)
    expect("committed", read(bootstrap, topic, "read_committed", len(wanted)), wanted)
    expect("uncommitted", read(bootstrap, topic, "read_uncommitted", len(everything)), everything)


def copied_exactly_once(bootstrap):
    source, target, group = "orders", "invoices", "copiers"
    create(bootstrap, source, target)
    plain = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    values = ["order %d" % number for number in range(40)]
    send(plain, source, values)
    made = producer(bootstrap, "copier")
    consumer = reader(bootstrap, group, "read_committed")
    consumer.subscribe([source])
    left, turn = set(values), 0
    deadline = time.monotonic() + PATIENCE
    while left:
        if time.monotonic() > deadline:
            sys.exit("not copied: %s" % sorted(left))
        batch = [message for message in consumer.consume(10, 1.0) if not message.error()]
        if not batch:
            continue
        turn += 1
        made.begin_transaction()
        for message in batch:
            made.produce(target, message.value(), partition=message.partition())
        positions = [place for place in consumer.position(consumer.assignment()) if place.offset >= 0]
        made.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), PATIENCE)
        if turn == 2:
            # Thrown away: the same records are read, and copied, once more.
            made.abort_transaction(PATIENCE)
            for partition in consumer.committed(consumer.assignment(), PATIENCE):
                consumer.seek(TopicPartition(partition.topic, partition.partition, max(partition.offset, 0)))
            continue
        made.commit_transaction(PATIENCE)
        left -= {message.value().decode() for message in batch}
    ends = consumer.committed([TopicPartition(source, partition) for partition in range(PARTITIONS)], PATIENCE)
    if sum(end.offset for end in ends) != len(values):
        sys.exit("committed offsets are %s" % ends)
    consumer.close()
    expect("copies", read(bootstrap, target, "read_committed", len(values)), values)


def one_producer_for_each_id(bootstrap):
    topic = "fenced"
    create(bootstrap, topic)
    first = producer(bootstrap, "only-one")
    first.begin_transaction()
    send(first, topic, ["of the first"])
    second = producer(bootstrap, "only-one")
    second.begin_transaction()
    send(second, topic, ["of the second"])
    second.commit_transaction(PATIENCE)
    try:
        first.commit_transaction(PATIENCE)
    except KafkaException as error:
        if not error.args[0].fatal():
            sys.exit("the first producer was told %s" % error)
    else:
        sys.exit("the first producer could commit")
    expect("fenced", read(bootstrap, topic, "read_committed", 1), ["of the second"])


def leave(bootstrap):
    create(bootstrap, "left")
    made = producer(bootstrap, "leaver")
    made.begin_transaction()
    send(made, "left", ["kept"])
    made.commit_transaction(PATIENCE)
    made.begin_transaction()
    send(made, "left", ["lost 1", "lost 2"])
    print("left open", flush=True)
    os._exit(0)


def come_back(bootstrap):
    made = producer(bootstrap, "leaver")
    made.begin_transaction()
    send(made, "left", ["new"])
    made.commit_transaction(PATIENCE)
    expect("after the crash", read(bootstrap, "left", "read_committed", 2), ["kept", "new"])
    expect("all of it", read(bootstrap, "left", "read_uncommitted", 4), ["kept", "lost 1", "lost 2", "new"])


PHASES = {
    "whole": [committed_and_aborted, copied_exactly_once, one_producer_for_each_id],
    "leave": [leave],
    "return": [come_back],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--phase", required=True, choices=sorted(PHASES))
    given = parser.parse_args()
    for step in PHASES[given.phase]:
        step(given.bootstrap)
        print("%s: done" % step.__name__, flush=True)


if __name__ == "__main__":
    main()
