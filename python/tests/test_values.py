"""Arrays and tensors go in and come out to the bit, whatever their type and however they lie in memory."""

import array
import ctypes

import ml_dtypes
import numpy as np
import ortlet
import pytest

from identities import NUMBERS, STANDARD, every_bit_pattern, model, numpy_type, same_bits, session, through

GRID = np.arange(24, dtype=np.float32).reshape(4, 6) - 7.5


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_bit_pattern_of_a_type_comes_back(dtype):
    given = every_bit_pattern(dtype)
    assert same_bits(through(given, dtype), given)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_a_tensor_of_bytes_is_the_array(dtype):
    given = every_bit_pattern(dtype)[:200].reshape(2, -1)
    tensor = ortlet.Tensor(given.tobytes(), dtype, given.shape)
    assert (tensor.dtype, tensor.shape, tensor.tobytes()) == (dtype, given.shape, given.tobytes())
    assert same_bits(tensor.numpy(), given)
    assert same_bits(through(tensor, dtype), given)


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "complex64"])
def test_arrays_of_a_tensor_are_its_own_memory(dtype):
    tensor = ortlet.Tensor(np.ones((2, 3), dtype))
    address = tensor.__array_interface__["data"][0]
    assert tensor.numpy().ctypes.data == np.asarray(tensor).ctypes.data == address
    assert not tensor.numpy().flags.writeable


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (2, 0, 4), (1, 1, 1, 1, 1, 1, 1, 2)])
def test_scalars_and_arrays_of_nothing_keep_their_shape(dtype, shape):
    given = np.zeros(shape, numpy_type(dtype))
    assert same_bits(through(given, dtype), given)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_a_numpy_scalar_is_an_array_without_dimensions(dtype):
    scalar = np.ones((), numpy_type(dtype))[()]
    assert same_bits(through(scalar, dtype), np.ones((), numpy_type(dtype)))
    assert ortlet.Tensor(scalar).tolist() == 1 and ortlet.Tensor(scalar).dtype == dtype


LAYOUTS = {
    "every-second": GRID[:, ::2],
    "every-third-row": GRID[::3],
    "transposed": GRID.T,
    "fortran": np.asfortranarray(GRID),
    "backwards": GRID[::-1, ::-1],
    "backwards-by-two": GRID[::-2, ::-3],
    "inner-block": GRID[1:3, 2:5],
    "column": GRID[:, 3:4],
    "row-of-a-cube": GRID.reshape(2, 3, 4).transpose(1, 2, 0),
    "one-number-many-times": np.broadcast_to(np.float32(3), (5, 7)),
    "one-row-many-times": np.broadcast_to(GRID[0], (3, 6)),
    "strided-nothing": GRID[2:2, ::-1],
    "new-axis": GRID[:, None, ::2],
    "overlapping": np.lib.stride_tricks.sliding_window_view(GRID.ravel(), 5),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides_are_brought_into_order(layout):
    given = LAYOUTS[layout]
    assert same_bits(through(given), given)


def any_view(random, dtype):
    """A view of an array that steps, turns and swaps dimensions at random."""
    shape = random.integers(0, 6, random.integers(0, 5))
    pattern = every_bit_pattern(dtype)
    view = random.choice(pattern, shape).astype(numpy_type(dtype))
    view = view.transpose(random.permutation(view.ndim))
    steps = random.choice([-3, -2, -1, 1, 2, 3], view.ndim)
    return view[(..., *(slice(None, None, int(step)) for step in steps))]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_views_at_random(dtype):
    random = np.random.default_rng(NUMBERS.index(dtype))
    for _ in range(200):
        given = any_view(random, dtype)
        assert same_bits(through(given, dtype), given), (given.shape, given.strides)
        assert same_bits(ortlet.Tensor(given).numpy(), given), (given.shape, given.strides)


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "int16", "bool", "float64"])
def test_strides_of_other_types(dtype):
    given = every_bit_pattern(dtype)[::-1][::2]
    assert same_bits(through(given, dtype), given)


@pytest.mark.parametrize("dtype", [name for name in STANDARD if numpy_type(name).itemsize > 1])
def test_an_array_that_is_not_aligned(dtype):
    wanted = every_bit_pattern(dtype)[:33]
    raw = np.frombuffer(b"\0" + wanted.tobytes(), np.uint8)[1:]
    given = raw.view(dtype)
    assert not given.flags.aligned
    assert same_bits(through(given, dtype), wanted)


def test_an_array_in_records_is_not_aligned_and_strided():
    records = np.zeros(5, np.dtype([("tag", "u1"), ("number", "f4")], align=False))
    records["number"] = [1, 2, 3, 4, 5]
    assert same_bits(through(records["number"]), np.array([1, 2, 3, 4, 5], np.float32))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16", "int32", "int64", "uint64"])
def test_numbers_of_the_other_byte_order_are_right_or_refused(dtype):
    wanted = np.arange(9).astype(dtype)
    try:
        got = through(wanted.astype(np.dtype(dtype).newbyteorder(">")), dtype)
    except (ortlet.Error, TypeError):
        return
    assert same_bits(got, wanted)


def test_a_read_only_array_stays_as_it_is():
    given = GRID.copy()
    given.flags.writeable = False
    assert same_bits(through(given), GRID)
    assert same_bits(given, GRID)


def test_an_output_is_the_callers_own():
    given = GRID.copy()
    got = through(given)
    assert got.flags.writeable and not np.shares_memory(got, given)
    got[:] = 0
    assert same_bits(given, GRID)


def test_an_output_outlives_its_session():
    own = ortlet.Session(model("float32"), threads=1)
    got = own.run({"x": GRID})["y"]
    own.close()
    del own
    assert same_bits(got, GRID)


class Ctypes(ctypes.Structure):
    """Not a tensor, for all that it has bytes."""

    _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_float)]


BUFFERS = [
    (array.array("f", [1, -2, 3.5]), "float32", [1, -2, 3.5]),
    (array.array("d", [1, -2, 3.5]), "float64", [1, -2, 3.5]),
    (array.array("b", [1, -2]), "int8", [1, -2]),
    (array.array("H", [1, 65535]), "uint16", [1, 65535]),
    (array.array("i", [1, -2]), "int32", [1, -2]),
    (array.array("q", [1, -(2**63)]), "int64", [1, -(2**63)]),
    (array.array("l", [1, -2]), "int64", [1, -2]),
    (array.array("Q", [2**64 - 1]), "uint64", [2**64 - 1]),
    (b"ab\0\xff", "uint8", [97, 98, 0, 255]),
    (bytearray(b"ab"), "uint8", [97, 98]),
    (memoryview(b"abcd"), "uint8", [97, 98, 99, 100]),
    (memoryview(b"abcd")[::2], "uint8", [97, 99]),
    (memoryview(b"abcd")[::-1], "uint8", [100, 99, 98, 97]),
    (memoryview(array.array("f", [1, 2, 3, 4])).cast("B").cast("f", (2, 2)), "float32", [[1, 2], [3, 4]]),
    (memoryview(b"\1\0").cast("?"), "bool", [True, False]),
    ((ctypes.c_float * 3)(1, 2, 3), "float32", [1, 2, 3]),
    (((ctypes.c_int32 * 2) * 3)((1, 2), (3, 4), (5, 6)), "int32", [[1, 2], [3, 4], [5, 6]]),
    ((ctypes.c_double * 0)(), "float64", []),
]


@pytest.mark.parametrize("given, dtype, wanted", BUFFERS, ids=lambda part: type(part).__name__)
def test_memory_of_other_kinds(given, dtype, wanted):
    assert same_bits(through(given, dtype), np.array(wanted, dtype))


def test_memory_of_another_type_is_not_converted():
    with pytest.raises(ortlet.TensorMismatch) as caught:
        through(array.array("d", [1, 2]))
    assert caught.value.details["expected"].startswith("float32")
    assert caught.value.details["actual"] == "float64[2]"


@pytest.mark.parametrize("given", [(Ctypes * 2)(), (ctypes.c_void_p * 2)(), (ctypes.c_wchar * 2)()])
def test_memory_that_is_no_tensor_is_refused(given):
    with pytest.raises((ortlet.Error, TypeError)):
        through(given)


class Interface:
    """Anything with `__array_interface__`, and nothing else."""

    def __init__(self, owner, **changes):
        self.owner = owner
        self.__array_interface__ = owner.__array_interface__ | changes


@pytest.mark.parametrize("given", [GRID, GRID.T, GRID[::-1, ::2], np.float32(4).reshape(()), GRID[:0]])
def test_an_array_interface_is_an_array(given):
    assert same_bits(through(Interface(given)), given)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_numpy_and_ml_dtypes_come_out_as_they_are_declared(dtype):
    assert through(np.zeros(3, numpy_type(dtype)), dtype).dtype == numpy_type(dtype)


@pytest.mark.parametrize("dtype", ["int4", "uint4"])
def test_four_bits_are_packed_and_unpacked(dtype, fixtures):
    numbers, zero = (np.arange(-8, 7), 0) if dtype == "int4" else (np.arange(15), 1)
    given, wanted = numbers.astype(getattr(ml_dtypes, dtype)), (numbers - zero).astype(np.float32)
    unpack = ortlet.Session(fixtures / f"unpack_{dtype}.onnx")
    assert same_bits(unpack.run({"x": given})["y"], wanted)
    packed = ortlet.Tensor(packed_bytes(numbers), dtype, (15,))
    assert same_bits(unpack.run({"x": packed})["y"], wanted)
    back = ortlet.Session(fixtures / f"pack_{dtype}.onnx").run({"x": wanted})["y"]
    assert same_bits(back, given)


def packed_bytes(numbers):
    """Two numbers in a byte, the first in the low half."""
    halves = [int(number) & 15 for number in numbers] + [0] * (len(numbers) % 2)
    return bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2]))


def test_an_array_of_another_type_names_both():
    with pytest.raises(ortlet.TensorMismatch) as caught:
        session("float32").run({"x": np.zeros((2, 3), np.float64)})
    assert caught.value.details["tensor"] == "x"
    assert caught.value.details["actual"] == "float64[2, 3]"


def test_an_array_of_another_shape_names_both(fixtures):
    with pytest.raises(ortlet.TensorMismatch) as caught:
        ortlet.Session(fixtures / "linear.onnx").run({"x": np.zeros((2, 4), np.float32)})
    wanted = {"tensor": "x", "expected": "float32[batch, 3]", "actual": "float32[2, 4]"}
    assert wanted.items() <= caught.value.details.items()
