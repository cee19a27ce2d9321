"""Whether outputs are the expected ones, by the rules of the ONNX project's own runner and a little stricter."""

import ml_dtypes
import numpy as np

# That runner allows two units in the last place, because a tolerance for float32 means nothing for so few digits.
BFLOAT16_RTOL = 2**-6


class Differs(Exception):
    """An output is not the expected one; the text is the kind of difference."""


def check_all(actual, expected, rtol, atol):
    """Fails unless there are as many outputs as expected, each the expected one."""
    if len(actual) != len(expected):
        raise Differs("another number of values")
    for own, wanted in zip(actual, expected):
        check(own, wanted, rtol, atol)


def check(actual, expected, rtol, atol):
    if expected is None or actual is None:
        if actual is not expected:
            raise Differs("one is nothing")
    elif isinstance(expected, (list, tuple)):
        if not isinstance(actual, (list, tuple)):
            raise Differs("no sequence")
        check_all(actual, expected, rtol, atol)
    else:
        check_tensor(np.asarray(actual), np.asarray(expected), rtol, atol)


def check_tensor(actual, expected, rtol, atol):
    if actual.shape != expected.shape:
        raise Differs("another shape")
    if is_text(expected):
        if not is_text(actual) or actual.tolist() != expected.tolist():
            raise Differs("other texts")
        return
    if actual.dtype != expected.dtype:
        raise Differs("another type")
    if not is_close(actual, expected, rtol, atol):
        raise Differs("other numbers")


def is_text(array):
    return array.dtype.kind in "OUS"


def is_close(actual, expected, rtol, atol):
    """Compares as float32 what NumPy cannot compare with a tolerance."""
    if actual.dtype == ml_dtypes.bfloat16:
        rtol = max(rtol, BFLOAT16_RTOL)
    if actual.dtype.kind == "V" or hasattr(ml_dtypes, actual.dtype.name):
        actual, expected = actual.astype(np.float32), expected.astype(np.float32)
    return bool(np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True))
