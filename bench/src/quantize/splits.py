"""Divides what was found into samples to quantize with and samples held out, so that nothing is in both."""

import hashlib
import random

SAMPLES, SEED = 64, 0


def digest(arrays):
    """What two samples have in common if they are the same for a model."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        whole.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return whole.hexdigest()


def divide(made, held_out, count=SAMPLES):
    """The first `count` different ones of an iterable, and the `held_out` after them; what came before is left out."""
    known, kept = set(), []
    for arrays in made:
        key = digest(arrays)
        if key in known:
            continue
        known.add(key)
        kept.append(arrays)
        if len(kept) == count + held_out:
            return kept[:count], kept[count:]
    raise ValueError(f"{count + held_out} different samples are needed, there are {len(kept)}")


def shuffled(items):
    """In an order that looks random and is the same every time."""
    items = sorted(set(items))
    random.Random(SEED).shuffle(items)
    return items
