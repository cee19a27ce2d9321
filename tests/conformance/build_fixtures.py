"""Builds the small models in `fixtures/`, which the cases of the conformance suite run.

Run it with the onnx version of `tests/requirements.txt`: `python tests/conformance/build_fixtures.py [FOLDER]`. The
files are committed, so nobody needs to run it to run the suite. Weights are small whole numbers, so that results are
exact in any order of summation and people can follow them.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper

OPSET = 21
IR_VERSION = 10
ML = "ai.onnx.ml"
node = h.make_node
value = h.make_tensor_value_info


def constant(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype), name)


def build(nodes, inputs, outputs, constants=(), domains=(), functions=(), opset=OPSET, **more):
    graph = h.make_graph(nodes, "main", inputs, outputs, list(constants), **more)
    opsets = [h.make_opsetid("", opset), *(h.make_opsetid(domain, version) for domain, version in domains)]
    return h.make_model(
        graph,
        producer_name="ortlet-conformance",
        opset_imports=opsets,
        ir_version=IR_VERSION,
        functions=list(functions),
    )


def kind(name, make, *arguments):
    return h.make_value_info(name, make(*arguments))


def tensor_type(dtype, shape):
    return h.make_tensor_type_proto(dtype, shape)


def sequence(name, dtype, shape):
    return h.make_tensor_sequence_value_info(name, dtype, shape)


def optional(name, dtype, shape):
    return kind(name, h.make_optional_type_proto, tensor_type(dtype, shape))


def map_of(name, key, dtype):
    return kind(name, h.make_map_type_proto, key, tensor_type(dtype, []))


# The letters: one job each.


def linear():
    """y = x · w + b"""
    nodes = [node("MatMul", ["x", "w"], ["xw"], name="product"), node("Add", ["xw", "b"], ["y"], name="sum")]
    constants = [constant("w", [[1, 2], [3, 4], [5, 6]]), constant("b", [10, -10])]
    return build(nodes, [value("x", T.FLOAT, ["batch", 3])], [value("y", T.FLOAT, ["batch", 2])], constants)


def two_outputs():
    nodes = [node("Add", ["a", "b"], ["sum"]), node("Mul", ["a", "b"], ["product"])]
    whole = lambda name: value(name, T.INT64, ["n"])
    return build(nodes, [whole("a"), whole("b")], [whole("sum"), whole("product")])


def identity(dtype):
    return build([node("Identity", ["x"], ["y"])], [value("x", dtype, ["n"])], [value("y", dtype, ["n"])])


def scalar():
    one = constant("one", 1, np.int32)
    return build([node("Add", ["x", "one"], ["y"])], [value("x", T.INT32, [])], [value("y", T.INT32, [])], [one])


def reciprocal():
    """Infinities and NaN come out of ordinary numbers."""
    nodes = [node("Reciprocal", ["x"], ["inverse"]), node("Sqrt", ["x"], ["root"])]
    floats = lambda name: value(name, T.FLOAT, ["n"])
    return build(nodes, [floats("x")], [floats("inverse"), floats("root")])


def column_sums():
    axis = constant("axis", [0], np.int64)
    nodes = [node("ReduceSum", ["x", "axis"], ["y"], keepdims=0)]
    return build(nodes, [value("x", T.FLOAT, ["rows", 2])], [value("y", T.FLOAT, [2])], [axis])


def joined():
    nodes = [node("Concat", ["a", "b"], ["y"], axis=0)]
    rows = lambda name: value(name, T.INT32, [None, 2])
    return build(nodes, [rows("a"), rows("b")], [rows("y")])


def any_rank():
    """Neither input nor output says how many dimensions it has."""
    return build([node("Neg", ["x"], ["y"])], [value("x", T.FLOAT, None)], [value("y", T.FLOAT, None)])


def words():
    text = lambda name: value(name, T.STRING, ["n"])
    return build([node("StringConcat", ["a", "b"], ["y"])], [text("a"), text("b")], [text("y")])


def compare():
    nodes = [node("Greater", ["a", "b"], ["y"])]
    floats = lambda name: value(name, T.FLOAT, ["n"])
    return build(nodes, [floats("a"), floats("b")], [value("y", T.BOOL, ["n"])])


def unpack(dtype, zero_point):
    """Elements of four bits go in."""
    constants = [constant("scale", 1), h.make_tensor("zero", dtype, [], [zero_point])]
    nodes = [node("DequantizeLinear", ["x", "scale", "zero"], ["y"])]
    return build(nodes, [value("x", dtype, ["n"])], [value("y", T.FLOAT, ["n"])], constants)


def pack(dtype, zero_point):
    """Elements of four bits come out."""
    constants = [constant("scale", 1), h.make_tensor("zero", dtype, [], [zero_point])]
    nodes = [node("QuantizeLinear", ["x", "scale", "zero"], ["y"])]
    return build(nodes, [value("x", T.FLOAT, ["n"])], [value("y", dtype, ["n"])], constants)


def split():
    nodes = [node("SplitToSequence", ["x", "pieces"], ["y"])]
    return build(nodes, [value("x", T.FLOAT, ["n"]), value("pieces", T.INT64, ["m"])], [sequence("y", T.FLOAT, [None])])


def element_at():
    nodes = [node("SequenceAt", ["s", "at"], ["y"])]
    return build(nodes, [sequence("s", T.INT64, ["n"]), value("at", T.INT64, [])], [value("y", T.INT64, ["n"])])


def sequence_of_words():
    nodes = [node("SequenceInsert", ["s", "more"], ["y"])]
    inputs = [sequence("s", T.STRING, ["n"]), value("more", T.STRING, ["n"])]
    return build(nodes, inputs, [sequence("y", T.STRING, ["n"])])


def zip_map(keys):
    floats = value("x", T.FLOAT, ["n", 2])
    names = {"classlabels_strings": ["no", "yes"]} if keys == T.STRING else {"classlabels_int64s": [10, 20]}
    zipped = kind("y", h.make_sequence_type_proto, h.make_map_type_proto(keys, tensor_type(T.FLOAT, [])))
    return build([node("ZipMap", ["x"], ["y"], domain=ML, **names)], [floats], [zipped], domains=[(ML, 1)])


def look_up():
    nodes = [node("DictVectorizer", ["x"], ["y"], domain=ML, string_vocabulary=["a", "b", "c"])]
    return build(nodes, [map_of("x", T.STRING, T.INT64)], [value("y", T.INT64, [1, 3])], domains=[(ML, 1)])


def optional_input():
    nodes = [node("OptionalHasElement", ["x"], ["y"])]
    return build(nodes, [optional("x", T.FLOAT, ["n"])], [value("y", T.BOOL, [])])


def optional_output():
    nodes = [node("Optional", ["x"], ["y"])]
    return build(nodes, [value("x", T.FLOAT, ["n"])], [optional("y", T.FLOAT, ["n"])])


def counter():
    """A state that a program carries from run to run."""
    nodes = [node("Add", ["state", "x"], ["next"]), node("Mul", ["next", "two"], ["double"])]
    whole = lambda name: value(name, T.INT64, [2])
    return build(nodes, [whole("x"), whole("state")], [whole("next"), whole("double")], [constant("two", 2, np.int64)])


def nonzero():
    """How large the output is, only a run tells."""
    return build([node("NonZero", ["x"], ["y"])], [value("x", T.INT32, ["n"])], [value("y", T.INT64, [1, "found"])])


def repeat():
    """Adds 1 as often as asked for: a run as long as the caller wants, which can be ended between any two steps."""
    body = h.make_graph(
        [node("Identity", ["on"], ["go"]), node("Add", ["state", "one"], ["more"])],
        "body",
        [value("step", T.INT64, []), value("on", T.BOOL, []), value("state", T.FLOAT, [2])],
        [value("go", T.BOOL, []), value("more", T.FLOAT, [2])],
    )
    nodes = [node("Loop", ["count", "yes", "x"], ["y"], body=body)]
    inputs = [value("count", T.INT64, []), value("x", T.FLOAT, [2])]
    return build(nodes, inputs, [value("y", T.FLOAT, [2])], [constant("one", 1), constant("yes", True, bool)])


def reshape():
    """Only a run tells whether the sizes fit."""
    nodes = [node("Reshape", ["x", "sizes"], ["y"])]
    inputs = [value("x", T.FLOAT, ["n"]), value("sizes", T.INT64, ["rank"])]
    return build(nodes, inputs, [value("y", T.FLOAT, None)])


def overridable():
    pair = lambda name: value(name, T.FLOAT, [2])
    nodes = [node("Add", ["x", "w"], ["y"])]
    return build(nodes, [pair("x"), pair("w")], [pair("y")], [constant("w", [1, 2])])


def passed_through():
    """An output that is an input."""
    nodes = [node("Neg", ["x"], ["y"])]
    floats = lambda name: value(name, T.FLOAT, ["n"])
    return build(nodes, [floats("x")], [floats("x"), floats("y")])


def dense():
    """A layer that is worth quantizing, and one that is not. Weights are whole, with no pattern that adds up errors."""
    row, column = np.arange(32)[:, None], np.arange(32)[None, :]
    weight = (row * row * 7 + column * column * 3 + row * column * 5) % 15 - 7
    small = (row * row + column[:, :4] * 2 + row * column[:, :4]) % 3
    nodes = [
        node("MatMul", ["x", "w"], ["h"], name="large"),
        node("Relu", ["h"], ["r"], name="relu"),
        node("MatMul", ["r", "v"], ["y"], name="small"),
    ]
    constants = [constant("w", weight), constant("v", small)]
    return build(nodes, [value("x", T.FLOAT, ["batch", 32])], [value("y", T.FLOAT, ["batch", 4])], constants)


def everything():
    """What a report tells of: texts, graphs inside of nodes, functions, constants, domains, dimensions of all kinds."""
    branch = lambda op, name: h.make_graph([node(op, ["x", "w"], [name])], op, [], [value(name, T.FLOAT, ["n", 2])])
    opset = [h.make_opsetid("", OPSET)]
    twice = h.make_function("local", "Twice", ["a"], ["b"], [node("Add", ["a", "a"], ["b"])], opset)
    nodes = [
        node("Constant", [], ["half"], value=constant("half", 0.5, np.float16)),
        node("Cast", ["half"], ["c"], to=T.FLOAT),
        node("If", ["flag"], ["i"], then_branch=branch("Add", "t"), else_branch=branch("Sub", "e")),
        node("Twice", ["i"], ["d"], domain="local"),
        node("Mul", ["d", "c"], ["y"]),
    ]
    model = build(
        nodes,
        [value("flag", T.BOOL, []), value("x", T.FLOAT, ["n", 2])],
        [value("y", T.FLOAT, [None, 2])],
        [constant("w", [1, 2])],
        domains=[("local", 1)],
        functions=[twice],
    )
    h.set_model_props(model, {"task": "test"})
    model.doc_string, model.domain, model.model_version = "Grüße", "org.example", 3
    return model


def no_kernel():
    """ONNX Runtime knows this operator, but cannot compute it for this type."""
    return identity(T.INT4)


def unknown_operator():
    nodes = [node("Strange", ["x"], ["y"], domain="com.example")]
    pair = lambda name: value(name, T.FLOAT, [2])
    return build(nodes, [pair("x")], [pair("y")], domains=[("com.example", 1)])


def undefined_value():
    pair = lambda name: value(name, T.FLOAT, [2])
    return build([node("Add", ["x", "nowhere"], ["y"])], [pair("x")], [pair("y")])


def unknown_type():
    return build([node("Identity", ["x"], ["y"])], [value("x", 99, [1])], [value("y", 99, [1])])


def too_many_dimensions():
    pair = lambda name: value(name, T.FLOAT, [2])
    wide = value("wide", T.FLOAT, [1] * 1025)
    return build([node("Neg", ["x"], ["y"])], [pair("x")], [pair("y")], value_info=[wide])


def external(location):
    """A weight in a file of its own."""
    weight = constant("w", [3, 4])
    weight.ClearField("raw_data")
    weight.data_location = T.EXTERNAL
    for key, text in {"location": location, "offset": "0", "length": "8"}.items():
        weight.external_data.add(key=key, value=text)
    pair = lambda name: value(name, T.FLOAT, [2])
    return build([node("Mul", ["x", "w"], ["y"])], [pair("x")], [pair("y")], [weight])


PLAIN = ["float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double"]
PLAIN += ["uint32", "uint64", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"]
NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20]


def models():
    yield from ((f"identity_{name}", identity(number)) for name, number in zip(PLAIN, NUMBERS))
    for make in [linear, two_outputs, scalar, reciprocal, column_sums, joined, any_rank, words, compare, split]:
        yield make.__name__, make()
    for make in [element_at, sequence_of_words, look_up, optional_input, optional_output, counter, nonzero, repeat]:
        yield make.__name__, make()
    for make in [reshape, overridable, passed_through, dense, everything, unknown_operator, undefined_value]:
        yield make.__name__, make()
    for make in [unknown_type, too_many_dimensions, no_kernel]:
        yield make.__name__, make()
    yield from [("zip_map_string", zip_map(T.STRING)), ("zip_map_int64", zip_map(T.INT64))]
    yield from [("unpack_int4", unpack(T.INT4, 0)), ("unpack_uint4", unpack(T.UINT4, 1))]
    yield from [("pack_int4", pack(T.INT4, 0)), ("pack_uint4", pack(T.UINT4, 1))]
    yield from [("external", external("external.bin")), ("external_outside", external("../external.bin"))]


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "fixtures"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, model in models():
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (folder / "external.bin").write_bytes(np.array([3, 4], np.float32).tobytes())


if __name__ == "__main__":
    main()
