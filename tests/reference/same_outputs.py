#!/usr/bin/env python3
"""Run models and their rewritten forms with plain onnxruntime, and have onnx check the latter.

usage: same_outputs.py MANIFEST.json

The manifest is a list of cases. Each has "plain" and "rewritten", two model files, "tolerance", the largest error as a
share of the largest magnitude of an output, and "inputs": name to {"shape", "low", "high"}, random numbers between, or
{"shape", "values"}; or "data", a folder with inputs and outputs as the ONNX project stores them. Then the rewritten model
has to give those outputs: onnxruntime does not run the oldest models. With "evaluated", a tolerance, onnx's reference
evaluator has to give for the rewritten model what onnxruntime gives.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator


def stored(folder, kind, values):
    for index, declared in enumerate(values):
        data = (folder / f"{kind}_{index}.pb").read_bytes()
        if declared.type.startswith("seq"):
            yield declared.name, numpy_helper.to_list(onnx.SequenceProto.FromString(data))
        else:
            yield declared.name, numpy_helper.to_array(onnx.TensorProto.FromString(data))


def made(wanted, session):
    types = {value.name: value.type for value in session.get_inputs()}
    random = np.random.default_rng(7)
    for name, how in wanted.items():
        element = types[name].removeprefix("tensor(").removesuffix(")")
        dtype = helper.tensor_dtype_to_np_dtype(getattr(onnx.TensorProto, element.upper()))
        if "values" in how:
            numbers = np.array(how["values"])
        elif np.issubdtype(dtype, np.integer):
            numbers = random.integers(how["low"], how["high"], how["shape"])
        else:
            numbers = random.uniform(how["low"], how["high"], how["shape"])
        yield name, numbers.reshape(how["shape"]).astype(dtype)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options)


def check(path):
    model = onnx.load(path)
    # Operators of ONNX Runtime are not known to onnx.
    own = [opset for opset in model.opset_import if opset.domain == "com.microsoft"]
    if not own:
        # Small models of the tests leave the shapes of outputs to inference, which the checker wants done.
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    onnx.checker.check_model(model, full_check=not own)


def compare(name, plain, rewritten, tolerance):
    assert plain.dtype == rewritten.dtype and plain.shape == rewritten.shape, (
        f"{name}: {plain.dtype}{plain.shape} became {rewritten.dtype}{rewritten.shape}")
    if plain.dtype.kind not in "fc":
        assert (plain == rewritten).all(), f"{name} differs"
        return
    usual = np.isfinite(plain)
    assert np.array_equal(plain[~usual], rewritten[~usual], equal_nan=True), f"{name}: other infinities or NaN"
    largest = np.abs(plain[usual]).max(initial=0)
    error = np.abs(plain[usual] - rewritten[usual]).max(initial=0)
    assert error <= tolerance * max(largest, 1e-30), f"{name}: error {error}, largest {largest}"


def run(case):
    check(case["rewritten"])
    rewritten = session(case["rewritten"])
    outputs = rewritten.get_outputs()
    names = [output.name for output in outputs]
    if "data" in case:
        folder = pathlib.Path(case["data"])
        inputs = dict(stored(folder, "input", rewritten.get_inputs()))
        expected = [value for _, value in stored(folder, "output", outputs)]
    else:
        plain = session(case["plain"])
        assert [i.name for i in plain.get_inputs()] == [i.name for i in rewritten.get_inputs()]
        inputs = dict(made(case["inputs"], plain))
        expected = plain.run(names, inputs)
    found = rewritten.run(names, inputs)
    if "evaluated" in case:
        for name, before, after in zip(names, ReferenceEvaluator(case["rewritten"]).run(names, inputs), found):
            compare(f"{name} evaluated", np.asarray(before), np.asarray(after), case["evaluated"])
    for name, before, after in zip(names, expected, found):
        lists = (before, after) if isinstance(before, list) else ([before], [after])
        assert len(lists[0]) == len(lists[1]), f"{name}: another number of tensors"
        for before, after in zip(*lists):
            compare(name, np.asarray(before), np.asarray(after), case["tolerance"])


failures = []
cases = json.loads(pathlib.Path(sys.argv[1]).read_text())
for case in cases:
    try:
        run(case)
    except Exception as error:
        failures.append(f"{case['rewritten']}: {error}")
if failures:
    sys.exit("\n".join(failures))
print(len(cases))
