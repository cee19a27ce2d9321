"""The conformance suite that all languages share, by way of Python, and what its runner itself has to hold to."""

import copy

import pytest

from conformance import cases, runner
from conformance.cases import Skipped, Wrong

ALL = cases.all_cases()
# Codes of cases that were left out do not count as tested.
left_out = set()

CODES = {
    "invalid_argument", "invalid_model", "unsupported", "tensor_mismatch", "not_found", "io", "runtime_not_found",
    "runtime_incompatible", "runtime_failed", "deadline_exceeded", "cancelled", "pool_exhausted", "integrity",
    "accuracy_budget", "limit_exceeded", "internal",
}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for _, case in ALL])
def test_case(case):
    try:
        runner.run(case)
    except Skipped as reason:
        left_out.add(case["name"])
        if "may_skip" not in case:
            raise Wrong(f"may not be left out, but was: {reason}") from reason
        print(f"left out {case['name']}: {reason}")
        pytest.skip(f"{case['name']}: {reason}")


def test_every_error_code_is_expected_by_a_case_that_ran():
    ran = [case for _, case in ALL if case["name"] not in left_out]
    codes = set().union(*map(cases.expected_codes, ran))
    assert codes - {"internal"} == CODES - {"internal"}


def test_every_file_is_run_and_every_name_is_the_only_one():
    assert {file for file, _ in ALL} == {path.stem for path in cases.files()}
    assert len(ALL) >= 236
    names = [case["name"] for _, case in ALL]
    assert len(names) == len(set(names))


def of_sums(expect):
    """A case of this file's own, with another expectation."""
    inputs = {name: {"dtype": "int64", "shape": [1], "data": [number]} for name, number in (("a", 2), ("b", 3))}
    return {"name": "own", "operation": "load", "fixture": "two_outputs.onnx", "inputs": inputs, "expect": expect}


def int64(number, dtype="int64"):
    return {"dtype": dtype, "shape": [1], "data": [number]}


RIGHT = [
    {},
    {"outputs": {"sum": int64(5), "product": int64(6)}},
    {"output_names": ["sum", "product"]},
    {"json": {"/origin": "model", "/phases/total_ns": {"$at_least": 1}, "/none": {"$present": False}}},
]
WRONG = [
    ({"outputs": {"sum": int64(5), "product": int64(7)}}, "output `product`: element 0"),
    ({"outputs": {"sum": int64(5, "int32"), "product": int64(6)}}, r"`sum` is int64\[1\], expected int32\[1\]"),
    ({"outputs": {"sum": int64(5)}}, "`product` is not expected"),
    ({"outputs": {"sum": int64(5), "product": int64(6), "c": int64(1)}}, "there is no output `c`"),
    ({"output_names": ["product", "sum"]}, "outputs are"),
    ({"json": {"/origin": "artifact_device"}}, "json /origin"),
    ({"json": {"/phases/total_ns": {"$at_most": 1}}}, "json /phases/total_ns"),
    ({"json": {"/none": None}}, "absent"),
    ({"json": {"/phases/total_ns": {"$most": 1}}}, "no property"),
    ({"lines": ["# EOF"]}, "`# EOF` is not in"),
    ({"error": {"code": "io"}}, "expected the error io"),
]


@pytest.mark.parametrize("expect", RIGHT)
def test_what_is_as_expected_passes(expect):
    runner.run(of_sums(expect))


@pytest.mark.parametrize("expect, told", WRONG)
def test_what_is_not_as_expected_is_told(expect, told):
    with pytest.raises(Wrong, match=told):
        runner.run(of_sums(expect))


def test_an_error_of_a_preparation_is_not_the_one_expected():
    case = of_sums({"error": {"code": "not_found"}})
    case["prepare"] = [{"load": {"path": "{temp}/none.onnx", "options": {}}}]
    with pytest.raises(Wrong, match="cannot be prepared"):
        runner.run(case)


def test_a_process_of_its_own_tells_what_is_wrong():
    case = copy.deepcopy(next(case for _, case in ALL if "process" in case))
    case["environment"] = {"ORTLET_RUNTIME": "{temp}/no-runtime-of-this-name"}
    case["name"] = next(name for name in (case["name"] for _, case in ALL) if name.startswith("run-"))
    with pytest.raises(Wrong, match="no-runtime-of-this-name"):
        runner.run(case)


@pytest.mark.parametrize(
    "part",
    [
        {"treads": 1},
        {"run_options": {"deadline": 1}},
        {"expect": {"output": {}}},
        {"expect": {"error": {"code": "io", "detail": {}}}},
        {"runs": [{"input": {}}]},
        {"runs": [{"inputs": {}, "run_options": {"cancel": True}}]},
        {"steps": [{"sets": {}}]},
        {"memory": {"x": {"dtype": "float32", "size": 1}}},
        {"ties": [{"from": "y", "to": "x"}]},
        {"prepare": [{"cut": {"file": "", "length": 1}, "write": {"to": "", "bytes": ""}}]},
        {"prepare": [{"remove": {"file": ""}}]},
        {"prepare": [{"cut": {"path": "", "length": 1}}]},
        {"process": "shared"},
    ],
)
def test_a_field_that_is_not_known_is_a_mistake(part):
    cases.check_case(of_sums({}))
    with pytest.raises(Wrong):
        cases.check_case(of_sums({}) | part)
