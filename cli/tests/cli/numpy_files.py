"""Make and check the NumPy files of the command line's tests.

usage: numpy_files.py make DIR      arrays of every type, an archive of them, and identity.onnx that passes them on
       numpy_files.py check DIR     whether DIR/out holds the same arrays
       numpy_files.py archives DIR [COUNT]
                                    archives of inputs for magika, three by default
       numpy_files.py compare MODEL INPUTS.npz DIR
                                    whether DIR holds what plain onnxruntime computes from the inputs, bit for bit
"""
import sys
from pathlib import Path

import ml_dtypes
import numpy as np

# Types that NumPy lacks: how np.save stores them and how Ortlet gives them back.
EXTRA = {
    "bfloat16": (ml_dtypes.bfloat16, np.dtype("V2")),
    "float8_e4m3fn": (ml_dtypes.float8_e4m3fn, np.dtype("V1")),
    "float8_e5m2": (ml_dtypes.float8_e5m2, np.dtype("V1")),
}


def arrays():
    rng = np.random.default_rng(7)
    found = {}
    for name in "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split():
        values = rng.integers(0, 2 if name == "bool" else 100, (3, 4, 5)).astype(name)
        found[name] = values
        found[f"{name}_fortran"] = np.asfortranarray(values)
        found[f"{name}_big_endian"] = values.astype(np.dtype(name).newbyteorder(">"))
        found[f"{name}_scalar"] = values[0, 0, 0]
        found[f"{name}_empty"] = values[:0]
    found["float32_special"] = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45], "float32")
    found["string"] = np.array([["", "zwölf"], ["😀 x", "a,b]\n"]])
    found["string_big_endian"] = found["string"].astype(found["string"].dtype.newbyteorder(">"))
    found["string_bytes"] = np.array([b"abc", b"\xc3\xa4"])
    for name, (dtype, _) in EXTRA.items():
        found[name] = rng.normal(size=(2, 3)).astype(dtype)
    return found


def onnx_type(name, array):
    from onnx import TensorProto, helper

    if name.startswith("string"):
        return TensorProto.STRING
    return helper.np_dtype_to_tensor_dtype(array.dtype.newbyteorder("="))


def make(folder):
    from onnx import helper, save_model

    nodes, inputs, outputs = [], [], []
    for name, array in arrays().items():
        if name in EXTRA:
            # As np.save writes these types: without their name.
            array = array.view(EXTRA[name][1])
        np.save(folder / f"{name}.npy", array)
        dtype = onnx_type(name, arrays()[name])
        inputs.append(helper.make_tensor_value_info(name, dtype, array.shape))
        outputs.append(helper.make_tensor_value_info(f"{name}_out", dtype, array.shape))
        nodes.append(helper.make_node("Identity", [name], [f"{name}_out"]))
    np.savez(folder / "all.npz", **{name: np.load(folder / f"{name}.npy") for name in arrays()})
    np.savez_compressed(folder / "packed.npz", **{name: np.load(folder / f"{name}.npy") for name in arrays()})
    graph = helper.make_graph(nodes, "identity", inputs, outputs)
    opsets = [helper.make_opsetid("", 21)]
    save_model(helper.make_model(graph, opset_imports=opsets, ir_version=10), folder / "identity.onnx")


def same(expected, found):
    if expected.dtype.kind == "S":
        expected = np.char.decode(expected, "utf-8")
    if expected.dtype.kind in "UV":
        return expected.shape == found.shape and bool(np.all(expected == found))
    expected = expected.astype(expected.dtype.newbyteorder("="))
    return expected.dtype == found.dtype and expected.shape == found.shape and expected.tobytes() == found.tobytes()


def check(folder):
    for name, array in arrays().items():
        if name in EXTRA:
            array = array.view(EXTRA[name][1])
        found = np.load(folder / "out" / f"{name}_out.npy")
        assert same(array, found), f"{name}: {array!r} became {found!r}"


def compare(model, inputs, folder):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for name, expected in zip(names, session.run(names, dict(np.load(inputs)))):
        found = np.load(Path(folder) / f"{name}.npy")
        assert same(expected, found), f"{name}: at most {np.abs(expected - found).max()} apart"


def archives(folder, count=3):
    rng = np.random.default_rng(7)
    for number in range(count):
        np.savez(folder / f"{number}.npz", bytes=rng.integers(0, 257, (1, 2048), dtype=np.int32))


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    {
        "make": lambda: make(Path(rest[0])),
        "archives": lambda: archives(Path(rest[0]), *map(int, rest[1:])),
        "check": lambda: check(Path(rest[0])),
        "compare": lambda: compare(*rest),
    }[command]()
