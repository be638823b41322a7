"""What every contestant says and hears: see `src/process.rs`."""

import sys

# The same durability as all others, and nothing overwritten.
PRAGMAS = ("journal_mode = WAL", "synchronous = EXTRA", "secure_delete = OFF", "busy_timeout = 60000")


def ready():
    print("ready", flush=True)
    sys.stdin.readline()


def committed():
    print("committed", flush=True)


def done():
    print("done", flush=True)
    sys.stdin.read()
