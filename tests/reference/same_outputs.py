#!/usr/bin/env python3
"""Run models and their rewritten forms with plain onnxruntime, and have onnx check the latter.

usage: same_outputs.py MANIFEST.json

The manifest is a list of cases. Each has "plain" and "rewritten", two model files, "tolerance", the largest error as a
share of the largest magnitude of an output, and "inputs": name to {"shape", "low", "high"}, random numbers between, or
{"shape", "values"}; or "data", a folder with inputs as the ONNX project stores them.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper


def stored(folder, session):
    for index, declared in enumerate(session.get_inputs()):
        tensor = onnx.TensorProto.FromString((folder / f"input_{index}.pb").read_bytes())
        yield declared.name, numpy_helper.to_array(tensor)


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
    plain, rewritten = session(case["plain"]), session(case["rewritten"])
    assert [i.name for i in plain.get_inputs()] == [i.name for i in rewritten.get_inputs()]
    inputs = stored(pathlib.Path(case["data"]), plain) if "data" in case else made(case["inputs"], plain)
    inputs = dict(inputs)
    names = [output.name for output in plain.get_outputs()]
    results = [session.run(names, inputs) for session in (plain, rewritten)]
    for name, before, after in zip(names, *results):
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
