"""Checks the suite itself: fixtures are what their script builds, expected outputs are what an independent
implementation computes.

That is the reference evaluator of the onnx package, which is written in NumPy and has nothing to do with Ortlet or
ONNX Runtime; two operators with maps that it lacks are below. Run it with the packages of `tests/requirements.txt`:
`python tests/conformance/check_reference.py`. Outputs of quantized models are compared with the original's, within the
case's tolerance.
"""

import json
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

import build_fixtures

SUITE = Path(__file__).parent
FIXTURES = SUITE / "fixtures"
WORDS = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


class ZipMap(OpRun):
    op_domain = "ai.onnx.ml"

    def _run(self, x, classlabels_int64s=None, classlabels_strings=None):
        labels = classlabels_strings or classlabels_int64s
        return ([dict(zip(labels, row)) for row in x],)


class DictVectorizer(OpRun):
    """The package's gives a tensor of one dimension; ONNX Runtime gives a row, and so do converters of models."""

    op_domain = "ai.onnx.ml"

    def _run(self, x, int64_vocabulary=None, string_vocabulary=None):
        return (np.array([[x.get(word, 0) for word in string_vocabulary or int64_vocabulary]]),)


def numpy_type(name):
    if name == "string":
        return np.dtype(object)
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def tensor(stored):
    """A tensor of a case as an array."""
    dtype = numpy_type(stored["dtype"])
    if dtype == object:
        return np.array(stored["data"], object).reshape(stored["shape"])
    if dtype.kind in "iu":
        data = [int(element) for element in stored["data"]]
        return np.array(data, dtype).reshape(stored["shape"])
    data = [WORDS.get(element, element) for element in stored["data"]]
    return np.array(data, np.float64).astype(dtype).reshape(stored["shape"])


def value(stored):
    """A value of a case as the reference evaluator has it."""
    if "sequence" in stored:
        return [value(element) for element in stored["sequence"]]
    if "map" in stored:
        keys, values = tensor(stored["map"]["keys"]), tensor(stored["map"]["values"])
        return dict(zip(keys.tolist(), values))
    if "optional" in stored:
        return None if stored["optional"] is None else value(stored["optional"])
    return tensor(stored)


def same(actual, expected, tolerance):
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(same(a, e, tolerance) for a, e in zip(actual, expected))
    if isinstance(expected, dict):
        return list(actual) == list(expected) and all(same(actual[k], expected[k], tolerance) for k in expected)
    actual, expected = np.asarray(actual), np.asarray(expected)
    if actual.shape != expected.shape or (actual.dtype != expected.dtype and expected.dtype != object):
        return False
    if expected.dtype == object or expected.dtype.kind in "iub":
        return actual.tolist() == expected.tolist()
    actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        close = np.abs(actual - expected) <= tolerance * np.maximum(np.abs(expected), 1)
    same_nan = np.isnan(actual) & np.isnan(expected)
    return bool(np.all((actual == expected) | same_nan | (close & np.isfinite(expected))))


class Reference:
    """The model that a case is about."""

    def __init__(self, case):
        made = [step[kind] for step in case.get("prepare", []) for kind in ("compile", "copy") if kind in step]
        name = case.get("fixture") or made[0]["fixture"]
        self.model = onnx.load(FIXTURES / name)
        self.evaluator = ReferenceEvaluator(self.model, new_ops=[ZipMap, DictVectorizer])

    def run(self, inputs):
        # An optional input may be left out.
        absent = {info.name: None for info in self.model.graph.input if info.type.HasField("optional_type")}
        outputs = self.evaluator.run(None, {**absent, **inputs})
        return dict(zip(self.evaluator.output_names, outputs))

    def zeros(self, case):
        """What bound inputs hold at first."""
        constants = {constant.name for constant in self.model.graph.initializer}
        said = {**case.get("shapes", {}), **{name: of["shape"] for name, of in case.get("memory", {}).items()}}
        feeds = {}
        for info in self.model.graph.input:
            is_optional = info.type.HasField("optional_type")
            kind = info.type.optional_type.elem_type.tensor_type if is_optional else info.type.tensor_type
            if info.name in said or not (is_optional or info.name in constants):
                shape = said.get(info.name) or [dim.dim_value for dim in kind.shape.dim]
                feeds[info.name] = np.zeros(shape, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        return feeds


def runs(case):
    """Every run of a case that has expected outputs: what the reference gives, and what is expected."""
    singles = [*case.get("runs", []), *([case] if case.get("inputs") is not None else [])]
    for run in singles:
        if "outputs" in run.get("expect", {}):
            inputs = {name: value(stored) for name, stored in run["inputs"].items()}
            yield Reference(case).run(inputs), run["expect"]


def bound_runs(case):
    reference = Reference(case)
    feeds = reference.zeros(case)
    for step in case["steps"]:
        feeds.update({name: value(stored) for name, stored in step.get("set", {}).items()})
        if "outputs" in step["expect"]:
            given = reference.run(feeds)
            feeds.update({tie["input"]: given[tie["output"]] for tie in case.get("ties", [])})
            yield given, step["expect"]


def check_case(case):
    """The outputs that are not as the reference has them, and how many were compared."""
    found, wrong = 0, []
    for given, expect in bound_runs(case) if "steps" in case else runs(case):
        for name, stored in expect["outputs"].items():
            found += 1
            # The evaluator wraps an optional that is there in a list.
            actual = given[name][0] if stored.get("optional") else given[name]
            if not same(actual, value(stored), expect.get("tolerance", 0)):
                wrong.append(f"{case['name']}: output {name} is {given[name]!r}")
    return found, wrong


def check_fixtures():
    """Names of the fixtures that are not what the script builds."""
    with tempfile.TemporaryDirectory() as folder:
        sys.argv = ["build_fixtures.py", folder]
        build_fixtures.main()
        built, stored = ({path.name: path.read_bytes() for path in Path(of).iterdir()} for of in (folder, FIXTURES))
    return [f"{name}: not what is built" for name in sorted({*built, *stored}) if built.get(name) != stored.get(name)]


def main():
    wrong, found = check_fixtures(), 0
    for path in sorted(SUITE.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            count, differing = check_case(case)
            found += count
            wrong += differing
    print(*wrong, f"{found} outputs compared, {len(wrong)} problems", sep="\n")
    sys.exit(1 if wrong or not found else 0)


if __name__ == "__main__":
    main()
