"""Tensors by way of DLPack, in and out; each capsule's memory is given back exactly once."""

import gc

import numpy as np
import ortlet
import pytest

import dlpack
from dlpack import BFLOAT, BOOL, COMPLEX, FLOAT, HANDLE, INT, UINT, OldWrapper, Producer, Wrapper
from identities import every_bit_pattern, numpy_type, same_bits, through

KINDS = [
    ("float16", FLOAT, 16), ("float32", FLOAT, 32), ("float64", FLOAT, 64), ("bfloat16", BFLOAT, 16),
    ("int8", INT, 8), ("int16", INT, 16), ("int32", INT, 32), ("int64", INT, 64), ("bool", BOOL, 8),
    ("uint8", UINT, 8), ("uint16", UINT, 16), ("uint32", UINT, 32), ("uint64", UINT, 64),
]  # fmt: skip
NUMBERS = np.arange(12, dtype=np.float32)


def floats(**wrong):
    """A producer of 12 numbers as a matrix."""
    said = {"data": NUMBERS.tobytes(), "code": FLOAT, "bits": 32, "shape": (3, 4)} | wrong
    return Producer(**said)


def given_back(producer):
    gc.collect()
    return producer.made == producer.deleted > 0


@pytest.mark.parametrize("dtype, code, bits", KINDS)
def test_every_type_comes_in(dtype, code, bits):
    wanted = every_bit_pattern(dtype)[:100]
    producer = Producer(wanted.tobytes(), code, bits, wanted.shape)
    assert same_bits(through(producer, dtype), wanted)
    assert given_back(producer)


@pytest.mark.parametrize("shape", [(), (12,), (2, 6), (3, 2, 2), (0,), (3, 0)])
def test_shapes(shape):
    count = int(np.prod(shape))
    producer = floats(shape=shape, data=NUMBERS[:count].tobytes())
    assert same_bits(through(producer), NUMBERS[:count].reshape(shape))
    assert given_back(producer)


@pytest.mark.parametrize("strides", [(4, 1), (1, 3), (2, 4)])
def test_strides(strides):
    producer = floats(shape=(3, 2), strides=strides)
    wanted = np.lib.stride_tricks.as_strided(NUMBERS, (3, 2), [4 * stride for stride in strides])
    assert same_bits(through(producer), wanted)
    assert given_back(producer)


def test_an_offset():
    producer = floats(shape=(2, 3), offset=20)
    assert same_bits(through(producer), NUMBERS[5:11].reshape(2, 3))
    assert given_back(producer)


@pytest.mark.parametrize("wrap", [Wrapper, OldWrapper])
@pytest.mark.parametrize("array", [NUMBERS, NUMBERS.reshape(3, 4).T, NUMBERS[::-2], NUMBERS[:0]])
def test_numpys_own_capsules(wrap, array):
    assert same_bits(through(wrap(array)), array)


def test_a_tensor_is_made_of_a_capsule():
    producer = floats()
    tensor = ortlet.Tensor(producer)
    assert (tensor.dtype, tensor.shape, tensor.tobytes()) == ("float32", (3, 4), NUMBERS.tobytes())
    assert same_bits(through(tensor), NUMBERS.reshape(3, 4))
    del tensor
    assert given_back(producer)


def test_memory_of_a_run_that_fails_is_given_back():
    producer = floats()
    with pytest.raises(ortlet.TensorMismatch):
        through(producer, "int32")
    assert given_back(producer)


WRONG = {
    "another-device": {"device": dlpack.CUDA},
    "lanes": {"lanes": 4},
    "complex": {"code": COMPLEX, "bits": 64, "shape": (6,)},
    "handle": {"code": HANDLE, "bits": 64, "shape": (6,)},
    "unknown-code": {"code": 200},
    "odd-bits": {"bits": 31},
    "no-bits": {"bits": 0},
    "negative-size": {"shape": (-1, 4)},
    "huge": {"shape": (2**62, 2**62)},
    "huge-and-empty": {"shape": (2**62, 2**62, 0)},
    "negative-number-of-dimensions": {"ndim": -1},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_refused_and_given_back(wrong):
    producer = floats(**WRONG[wrong])
    with pytest.raises((ortlet.Error, TypeError, ValueError, BufferError, MemoryError, OverflowError)):
        through(producer)
    gc.collect()
    assert producer.made == producer.deleted


def test_a_capsule_of_another_name_is_refused():
    for name in (b"used_dltensor", b"other", b"dltensor_versioned_"):
        producer = floats()
        producer.name = name
        with pytest.raises((ortlet.Error, TypeError, ValueError, BufferError)):
            through(producer)


class Odd:
    """Says it has DLPack."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **_):
        if isinstance(self.capsule, Exception):
            raise self.capsule
        return self.capsule


@pytest.mark.parametrize("capsule", [None, 5, "dltensor", object()])
def test_what_is_no_capsule_is_refused(capsule):
    with pytest.raises((ortlet.Error, TypeError, ValueError, BufferError)):
        through(Odd(capsule))


def test_a_capsule_is_taken_once():
    """The protocol says that who takes a tensor renames its capsule, so that nobody else does."""
    producer = floats()
    odd = Odd(producer.__dlpack__())
    assert same_bits(through(odd), NUMBERS.reshape(3, 4))
    assert given_back(producer)
    with pytest.raises((ortlet.Error, TypeError, ValueError, BufferError)):
        through(odd)
    del odd
    assert given_back(producer)


def test_an_exception_of_the_producer_is_raised():
    with pytest.raises(ZeroDivisionError):
        through(Odd(ZeroDivisionError("mine")))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint64", "float16"])
def test_numpy_takes_what_a_tensor_gives(dtype):
    wanted = every_bit_pattern(dtype)[:60].reshape(3, 20)
    tensor = ortlet.Tensor(wanted)
    assert tensor.__dlpack_device__()[0] == dlpack.CPU
    got = np.from_dlpack(tensor)
    del tensor
    gc.collect()
    assert same_bits(got, wanted)


def test_a_capsule_that_nobody_takes_frees_its_memory():
    tensor = ortlet.Tensor(np.arange(5.0))
    for _ in range(1000):
        tensor.__dlpack__()
    assert tensor.tolist() == list(range(5))


def test_texts_have_no_capsule():
    with pytest.raises((ortlet.Error, TypeError, BufferError)):
        ortlet.Tensor(["a"], "string").__dlpack__()


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_a_tensor_goes_through_its_own_capsule(dtype):
    wanted = np.arange(6).astype(numpy_type(dtype)).reshape(2, 3)
    assert same_bits(through(Wrapper(ortlet.Tensor(wanted)), dtype), wanted)
