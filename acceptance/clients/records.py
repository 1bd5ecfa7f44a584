"""Records that prove themselves: an id, a checksum over the rest, and nothing random that a reader would have to be told.

A record's value is `<id> <sha256 of the body in hexadecimal> <body>`, padded to the wanted size. The body follows from the id,
so that two different records never have the same bytes.
"""

import hashlib
import json
import sys
import time


def make(record_id, size):
    """The value of record `record_id`, `size` bytes long."""
    seed = hashlib.sha256(record_id.encode()).hexdigest()
    head = len(record_id) + 1 + 64 + 1
    if size <= head:
        raise SystemExit("a record of %d bytes has no room for id and checksum, which take %d" % (size, head))
    body = (seed * (size // len(seed) + 1))[:size - head]
    return ("%s %s %s" % (record_id, hashlib.sha256(body.encode()).hexdigest(), body)).encode()


def check(value):
    """The id of a value that is what `make` made, or None."""
    parts = value.decode("ascii", "replace").split(" ", 2)
    if len(parts) != 3 or hashlib.sha256(parts[2].encode()).hexdigest() != parts[1]:
        return None
    return parts[0] if make(parts[0], len(value)) == value else None


def digest(ids_and_values):
    """One checksum over many records, whatever order they came in."""
    total = 0
    for record_id, value in ids_and_values:
        total ^= int.from_bytes(hashlib.sha256(record_id.encode() + b"\0" + value).digest(), "big")
    return "%064x" % total


class Digest:
    """`digest`, one record at a time."""

    def __init__(self):
        self.total = 0

    def add(self, record_id, value):
        self.total ^= int.from_bytes(hashlib.sha256(record_id.encode() + b"\0" + value).digest(), "big")

    def text(self):
        return "%064x" % self.total


def acknowledged(paths):
    """What producers wrote down: id -> (topic, partition, offset). A last line cut short by a kill is left out."""
    found = {}
    for path in paths:
        with open(path, encoding="ascii") as lines:
            for line in lines:
                if line.endswith("\n"):
                    row = json.loads(line)
                    found[row["id"]] = (row["topic"], row["partition"], row["offset"])
    return found


def report(**facts):
    """The one line on standard output that the harness reads."""
    print(json.dumps(facts), flush=True)


def fail(text):
    """Ends the program with a message."""
    print("FAILED: " + text, file=sys.stderr, flush=True)
    raise SystemExit(1)


def monotonic():
    """Seconds, for durations only."""
    return time.monotonic()
