#!/usr/bin/env python3
"""Run models with plain onnxruntime and keep what went in and came out, for Ortlet to be compared with.

usage: reference.py MODELS OUT     MODELS: the folder of test models; OUT: a folder to be filled
Writes OUT/manifest.json, small models of its own as OUT/*.onnx, and tensors as raw little-endian files.
Every session uses two threads and otherwise the defaults of onnxruntime.
"""
import json
import logging
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, load, save

from graphs import all_graphs

# Warnings would only hide what matters.
ort.set_default_logger_severity(3)
logging.disable(logging.WARNING)
models, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(20)
cases = []
files = 0


def store(array):
    """A tensor as the manifest describes it: type, shape, and a file of raw bytes or the strings themselves."""
    global files
    array = np.asarray(array)
    entry = {"kind": "tensor", "dtype": array.dtype.name, "shape": list(array.shape)}
    if array.dtype.kind in "OUS":
        return entry | {"dtype": "string", "strings": [str(s) for s in array.reshape(-1)]}
    files += 1
    name = f"{files}.bin"
    (out / name).write_bytes(np.ascontiguousarray(array).tobytes())
    return entry | {"file": name}


def describe(value):
    """A value of any kind."""
    if value is None:
        return {"kind": "none"}
    if isinstance(value, list):
        return {"kind": "sequence", "values": [describe(v) for v in value]}
    if isinstance(value, dict):
        keys, values = list(value), np.array(list(value.values()))
        if values.dtype == np.float64:
            values = values.astype(np.float32)
        keys = np.array(keys, dtype=object if isinstance(keys[0], str) else np.int64)
        return {"kind": "map", "keys": store(keys), "values": store(values)}
    return store(value)


def session(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def case(name, model, steps, carry=None):
    """Run `steps` in order. `carry` maps an input to the output of the step before that feeds it."""
    reference, carry, previous, entries = session(model), carry or {}, {}, []
    names = [o.name for o in reference.get_outputs()]
    for feeds in steps:
        fed = dict(feeds)
        carried = {i: o for i, o in carry.items() if o in previous}
        fed.update({i: previous[o] for i, o in carried.items()})
        previous = dict(zip(names, reference.run(None, fed)))
        entries.append({
            "inputs": {k: describe(v) for k, v in feeds.items() if k not in carried},
            "carried": carried,
            "outputs": {k: describe(v) for k, v in previous.items()},
        })
    cases.append({"name": name, "model": str(model), "steps": entries})


def own(name, nodes, inputs, outputs, opset=21, ml=False):
    """A small model of this script's own."""
    imports = [h.make_opsetid("", opset)] + ([h.make_opsetid("ai.onnx.ml", 1)] if ml else [])
    path = out / f"{name}.onnx"
    save(h.make_model(h.make_graph(nodes, name, inputs, outputs), opset_imports=imports, ir_version=10), path)
    return path


def real_models():
    magika = models / "magika/model.onnx"
    case("magika", magika, [{"bytes": rng.integers(0, 257, (n, 2048), dtype=np.int32)} for n in (1, 4)])

    speech = (rng.standard_normal(100 * 512) * 0.1).astype(np.float32)
    context, steps = np.zeros(64, np.float32), []
    for i in range(100):
        chunk = np.concatenate([context, speech[i * 512:(i + 1) * 512]])
        context = chunk[-64:]
        steps.append({"input": chunk[None], "state": np.zeros((2, 1, 128), np.float32), "sr": np.array(16000)})
    case("silero-vad", models / "silero-vad/silero_vad.onnx", steps, {"state": "stateN"})

    line = lambda width: {"x": rng.standard_normal((1, 3, 48, width)).astype(np.float32)}
    case("ocr-rec", models / "rapidocr/PP-OCRv6_rec_small.onnx", [line(320), line(168)])
    case("ocr-cls", models / "rapidocr/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
         [{"x": rng.standard_normal((n, 3, 48, 192)).astype(np.float32)} for n in (1, 3)])

    def sentences(length, *words):
        """Rows of so many words each, and padding behind them."""
        shape = (len(words), length)
        mask = (np.arange(length) < np.array(words)[:, None]).astype(np.int64)
        return {"input_ids": rng.integers(0, 30522, shape), "attention_mask": mask,
                "token_type_ids": np.zeros(shape, np.int64)}
    case("ocr-det", models / "rapidocr/PP-OCRv6_det_small.onnx",
         [{"x": rng.standard_normal((1, 3, *size)).astype(np.float32)} for size in [(64, 96), (96, 64)]])
    case("minilm", models / "minilm/model.onnx", [
        sentences(16, 8), sentences(128, 128, 64),
        # The shortest and the longest that there are, and lengths side by side that no vector register divides.
        sentences(1, 1), sentences(512, 512), sentences(37, 37, 1, 7, 20)])


def other_values():
    tensor, sequence = h.make_tensor_value_info, h.make_tensor_sequence_value_info
    text = np.array([["", "wörter"], ["日本", "a b"]], dtype=object)
    case("strings", own("strings", [h.make_node("Identity", ["x"], ["y"])],
                        [tensor("x", T.STRING, ["n", 2])], [tensor("y", T.STRING, None)]), [{"x": text}])

    pieces = [rng.standard_normal((n, 3)).astype(np.float32) for n in (2, 1, 4)]
    case("sequence", own("sequence",
                         [h.make_node("SequenceInsert", ["s", "x"], ["t"]), h.make_node("ConcatFromSequence", ["t"], ["c"], axis=0)],
                         [sequence("s", T.FLOAT, None), tensor("x", T.FLOAT, ["n", 3])],
                         [sequence("t", T.FLOAT, None), tensor("c", T.FLOAT, ["m", 3])]),
         [{"s": pieces, "x": pieces[0]}])

    scores = rng.random((3, 2)).astype(np.float32)
    names = h.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_strings=["cat", "dög"])
    numbers = h.make_node("ZipMap", ["x"], ["z"], domain="ai.onnx.ml", classlabels_int64s=[7, -9])
    map_of = lambda key: h.make_sequence_type_proto(h.make_map_type_proto(key, h.make_tensor_type_proto(T.FLOAT, [])))
    case("maps", own("maps", [names, numbers], [tensor("x", T.FLOAT, ["n", 2])],
                     [h.make_value_info("y", map_of(T.STRING)), h.make_value_info("z", map_of(T.INT64))], ml=True),
         [{"x": scores}])

    words = h.make_map_type_proto(T.STRING, h.make_tensor_type_proto(T.FLOAT, []))
    vector = h.make_node("DictVectorizer", ["x"], ["y"], domain="ai.onnx.ml", string_vocabulary=["a", "b", "c"])
    case("map-input", own("map-input", [vector], [h.make_value_info("x", words)], [tensor("y", T.FLOAT, [1, 3])], ml=True),
         [{"x": {"b": 2.0, "c": -1.5}}, {"x": {"a": 4.0}}])

    optional = h.make_optional_type_proto(h.make_tensor_type_proto(T.FLOAT, ["n"]))
    case("optional", own("optional",
                         [h.make_node("OptionalHasElement", ["x"], ["has"]), h.make_node("OptionalGetElement", ["x"], ["y"])],
                         [h.make_value_info("x", optional)], [tensor("has", T.BOOL, []), tensor("y", T.FLOAT, ["n"])], opset=18),
         [{"x": np.arange(3, dtype=np.float32)}])

    # The input itself is an output: the memory that comes back must not be the caller's.
    case("passed-through", own("passed-through", [h.make_node("Neg", ["x"], ["y"])],
                               [tensor("x", T.FLOAT, ["n"])], [tensor("y", T.FLOAT, ["n"]), tensor("x", T.FLOAT, ["n"])]),
         [{"x": np.arange(5, dtype=np.float32)}, {"x": np.zeros(0, np.float32)}])

    types = [("float32", T.FLOAT), ("float64", T.DOUBLE), ("float16", T.FLOAT16), ("bool", T.BOOL),
             ("int8", T.INT8), ("uint8", T.UINT8), ("int16", T.INT16), ("uint16", T.UINT16),
             ("int32", T.INT32), ("uint32", T.UINT32), ("int64", T.INT64), ("uint64", T.UINT64)]
    for name, number in types:
        values = rng.integers(0, 2, (2, 3)).astype(name) if name == "bool" else (rng.random((2, 3)) * 100).astype(name)
        case(f"identity-{name}", own(f"identity-{name}", [h.make_node("Identity", ["x"], ["y"])],
                                     [tensor("x", number, [2, None])], [tensor("y", number, None)]), [{"x": values}])


def other_sources():
    """The same model in ORT format and with its weights outside, and models of optional values."""
    magika = models / "magika/model.onnx"
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(out / "magika.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(magika), options, providers=["CPUExecutionProvider"])

    (out / "external").mkdir()
    save(load(magika), out / "external/external.onnx", save_as_external_data=True, location="weights.bin", size_threshold=1024)

    optional = h.make_optional_type_proto(h.make_tensor_type_proto(T.FLOAT, ["n"]))
    own("has-element", [h.make_node("OptionalHasElement", ["x"], ["has"])],
        [h.make_value_info("x", optional)], [h.make_tensor_value_info("has", T.BOOL, [])], opset=18)
    own("make-optional", [h.make_node("Optional", [], ["y"], type=h.make_tensor_type_proto(T.FLOAT, ["n"]))],
        [], [h.make_value_info("y", optional)], opset=18)


def external_data():
    """Weights in a file of their own, large and small."""
    steps = [{"bytes": rng.integers(0, 257, (n, 2048), dtype=np.int32)} for n in (1, 3)]
    case("external", out / "external/external.onnx", steps)
    for name, inner, least, steps in [
        ("kinds-external", "kinds-of-weights", 1024, [{"x": rng.standard_normal((2, 32)).astype(np.float32), "i": np.arange(3)}]),
        ("small-external", "odd-sizes", 0, [{"x": rng.standard_normal((1, 3, 9, 9)).astype(np.float32)}]),
        ("branches-external", "branches", 0, [{"x": rng.standard_normal((2, 48)).astype(np.float32), "outer": np.array(o),
                                            "inner": np.array(i), "count": np.array(2)} for o in (False, True) for i in (False, True)]),
    ]:
        (out / name).mkdir()
        model = out / name / f"{name}.onnx"
        save(load(out / f"{inner}.onnx"), model, save_as_external_data=True, location="weights.bin", size_threshold=least)
        case(name, model, steps)


def models_to_change():
    """`y = x + w` whose weight is one number 500 times, to be overwritten in place; inside and outside of the model."""
    tensor = h.make_tensor_value_info
    weight = h.make_tensor("w", T.FLOAT, [500], np.full(500, 12345678, np.float32).tobytes(), raw=True)
    graph = h.make_graph([h.make_node("Add", ["x", "w"], ["y"])], "adder", [tensor("x", T.FLOAT, [500])],
                         [tensor("y", T.FLOAT, [500])], [weight])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10)
    save(model, out / "adder.onnx")
    (out / "adder-external").mkdir()
    save(model, out / "adder-external/adder.onnx", save_as_external_data=True, location="weights.bin")


def compiled_kinds():
    """What compiling could get wrong: weights of every kind and size."""
    for name, (model, steps) in all_graphs(out).items():
        case(name, model, steps)


def speech_variants():
    """The same network exported in other ways: sub-graphs, none, half precision."""
    chunk = lambda n: (rng.standard_normal((1, n)) * 0.1).astype(np.float32)
    for name in ("silero_vad_16k_op15", "silero_vad_half", "silero_vad_op18_ifless"):
        model, state = models / f"silero-vad/{name}.onnx", np.zeros((2, 1, 128), np.float32)
        rate = {"sr": np.array(16000)} if "sr" in {i.name for i in session(model).get_inputs()} else {}
        case(name, model, [{"input": chunk(576), "state": state, **rate} for _ in range(3)], {"state": "stateN"})


def fixtures():
    """The small models that the tests of single modules use, as far as onnxruntime runs them."""
    folder = Path(__file__).parent.parent / "fixtures/models"
    rows = lambda kind: [{"x": rng.standard_normal((n, 32)).astype(kind)} for n in (1, 5)]
    for name in ("perceptron", "dynamic", "matmul_nbits", "external"):
        case(f"fixture-{name}", folder / f"{name}.onnx", rows(np.float32))
    case("fixture-float16", folder / "float16.onnx", rows(np.float16))
    for name in ("convolution", "qdq", "qoperator"):
        case(f"fixture-{name}", folder / f"{name}.onnx", [{"x": rng.standard_normal((1, 3, 8, 8)).astype(np.float32)}])
    case("fixture-data_fields", folder / "data_fields.onnx", [{"x": np.ones(1, np.float32)}])
    two = rng.standard_normal(2).astype(np.float32)
    case("fixture-overridable", folder / "overridable.onnx", [{"x": two}, {"x": two, "w": two}])
    case("fixture-control_flow", folder / "control_flow.onnx",
         [{"flag": np.array(flag), "count": np.array(3), "x": two} for flag in (True, False)])


def small_floats_and_packed():
    """Casts that only ONNX Runtime's C API can be fed with; the comparison is with Ortlet's own conversions."""
    tensor = h.make_tensor_value_info
    for name, number in [("bfloat16", T.BFLOAT16), ("float8_e4m3fn", T.FLOAT8E4M3FN), ("float8_e4m3fnuz", T.FLOAT8E4M3FNUZ),
                         ("float8_e5m2", T.FLOAT8E5M2), ("float8_e5m2fnuz", T.FLOAT8E5M2FNUZ), ("uint4", T.UINT4), ("int4", T.INT4)]:
        own(f"cast-from-{name}", [h.make_node("Cast", ["x"], ["y"], to=T.FLOAT)],
            [tensor("x", number, ["n"])], [tensor("y", T.FLOAT, ["n"])])
        own(f"cast-to-{name}", [h.make_node("Cast", ["x"], ["y"], to=number)],
            [tensor("x", T.FLOAT, ["n"])], [tensor("y", number, ["n"])])


real_models()
other_values()
other_sources()
compiled_kinds()
external_data()
models_to_change()
speech_variants()
fixtures()
small_floats_and_packed()
(out / "manifest.json").write_text(json.dumps({"onnxruntime": ort.__version__, "cases": cases}))
