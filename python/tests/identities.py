"""Sessions of models that give back what they get, one for each element type, and what tests need beside them."""

import functools

import ml_dtypes
import numpy as np
import ortlet
from onnx import TensorProto, helper

# The element types of which ONNX Runtime passes values on, and their numbers in ONNX.
TYPES = {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16, "bool": TensorProto.BOOL, "string": TensorProto.STRING,
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN, "float8_e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "float8_e5m2": TensorProto.FLOAT8E5M2, "float8_e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
    "int8": TensorProto.INT8, "int16": TensorProto.INT16, "int32": TensorProto.INT32, "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8, "uint16": TensorProto.UINT16, "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
}  # fmt: skip
NUMBERS = [name for name in TYPES if name != "string"]
# Those that NumPy has itself.
STANDARD = [name for name in NUMBERS if not hasattr(ml_dtypes, name)]


@functools.cache
def model(dtype):
    """The bytes of a model whose output `y` is its input `x`, of any shape."""
    infos = [helper.make_tensor_value_info(name, TYPES[dtype], None) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", infos[:1], infos[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return made.SerializeToString()


@functools.cache
def session(dtype):
    """A session of that model, the same for all tests."""
    return ortlet.Session(model(dtype), threads=1)


def through(value, dtype="float32"):
    """What comes back of a value."""
    return session(dtype).run({"x": value})["y"]


def numpy_type(name):
    return np.dtype(getattr(ml_dtypes, name, name))


def same_bits(left, right):
    """Whether arrays are equal to the bit, so that NaN is equal to itself and 0 is not -0."""
    left, right = np.asarray(left), np.asarray(right)
    return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())


def every_bit_pattern(name):
    """An array of each pattern of 8 or 16 bits, or of many random ones; truth values have only two."""
    dtype = numpy_type(name)
    if name == "bool":
        return np.array([False, True, True, False])
    if dtype.itemsize == 1:
        return np.arange(256, dtype=np.uint8).view(dtype)
    if dtype.itemsize == 2:
        return np.arange(65536, dtype=np.uint16).view(dtype)
    return np.frombuffer(np.random.default_rng(3).bytes(4096 * dtype.itemsize), dtype)
