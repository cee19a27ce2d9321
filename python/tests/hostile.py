"""What tests with hostile objects share: what may be raised, and whether a session still computes."""

import gc

import numpy as np
import ortlet

from identities import same_bits, through

REFUSED = (ortlet.Error, TypeError, ValueError, OverflowError, MemoryError, BufferError, AttributeError)
FOUR = np.arange(4, dtype=np.float32)


class Mine(Exception):
    """An exception of the caller's own code."""


def still_well():
    """Whether a session still computes, after all that."""
    gc.collect()
    return same_bits(through(FOUR), FOUR)


def endless():
    own = [1.0]
    own.append(own)
    own[0] = own
    return own
