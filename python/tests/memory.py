"""How much memory this process has, and whether doing something many times needs more and more of it."""

import gc
import os
import time
import tracemalloc
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
# The allocators of C, Rust and Python keep what was freed for later, in pieces about as large as this.
SLACK_BYTES = 8_000_000
TRACED_SLACK_BYTES = 16_000
# Two seconds.
MOST_WAITS = 100


def resident_bytes():
    """Memory that is really there."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def repeat(action, count):
    for _ in range(count):
        action()


def check_flat(action, count, warm_up=None, slack=SLACK_BYTES):
    """Fails if the process grows while it does something `count` times, after doing it often enough to be warm."""
    repeat(action, warm_up or max(count // 10, 1))
    before = resident_bytes()
    repeat(action, count)
    grown = resident_bytes() - before
    assert grown < slack, f"{grown} bytes more after {count} times"


def check_objects(action, count=1000, warm_up=50):
    """Fails if Python objects, or the memory that Python counts, stay behind."""
    repeat(action, warm_up)
    gc.collect()
    tracemalloc.start()
    try:
        # Once more, so that what tracing itself makes is not counted.
        repeat(action, warm_up)
        gc.collect()
        objects, traced = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
        repeat(action, count)
        gc.collect()
        more_objects = len(gc.get_objects()) - objects
        more_traced = tracemalloc.get_traced_memory()[0] - traced
    finally:
        tracemalloc.stop()
    # Caches of the interpreter's and of asyncio's take some kilobytes, but not more and more.
    assert more_objects < count // 5, f"{more_objects} objects more after {count} times"
    assert more_traced < TRACED_SLACK_BYTES, f"{more_traced} bytes more after {count} times"


def check_objects_beside_threads(action, at_rest, count=1000, warm_up=50):
    """The same of objects alone: tracing may not be ended while other threads enter Python (CPython before 3.12.9).

    `at_rest` has what was begun come to its end.
    """
    repeat(action, warm_up)
    at_rest()
    gc.collect()
    objects = len(gc.get_objects())
    repeat(action, count)
    for _ in range(MOST_WAITS):
        at_rest()
        gc.collect()
        more_objects = len(gc.get_objects()) - objects
        if more_objects < count // 5:
            return
        time.sleep(0.02)
    raise AssertionError(f"{more_objects} objects more after {count} times")
