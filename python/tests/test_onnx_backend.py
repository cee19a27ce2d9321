"""The ONNX project's own tests: Ortlet passes wherever plain onnxruntime does, and the rest is as the list says.

With `ORTLET_UPDATE=1` in the environment the list is written anew; look at what changed in it.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onnx_backend import driver

LIST = Path(__file__).parent / "onnx_backend_expected.json"
ABOUT = "What fails of the onnx package's tests, and by which error. Written with ORTLET_UPDATE=1; see the test."
PASSES = "passes"


@pytest.fixture(scope="module")
def results(onnx_data):
    """What came of each test with Ortlet and with plain onnxruntime, run at the same time."""
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(lambda engine: driver.run_all(engine, onnx_data), ("ortlet", "onnxruntime"))
    ours, theirs = both
    assert ours.keys() == theirs.keys()
    return {name: (ours[name], theirs[name]) for name in ours}


def count(results, ours, theirs):
    return sum((own == PASSES, other == PASSES) == (ours, theirs) for own, other in results.values())


def described(results):
    """The list: tests that not both pass, grouped by what came of them."""
    groups = {}
    for name, (own, other) in sorted(results.items()):
        if (own, other) != (PASSES, PASSES):
            groups.setdefault(f"ortlet: {own}; onnxruntime: {other}", []).append(name)
    counts = {
        "all": len(results),
        "both_pass": count(results, True, True),
        "only_ortlet_passes": count(results, True, False),
        "only_onnxruntime_passes": count(results, False, True),
        "both_fail": count(results, False, False),
    }
    return {"about": ABOUT, "counts": counts, "tests": dict(sorted(groups.items()))}


# Where both compute the same numbers, and they are a little too far off: another processor rounds otherwise.
ROUNDING = "ortlet: outputs differ: other numbers; onnxruntime: outputs differ: other numbers"


def by_name(listed):
    return {name: group for group, names in listed["tests"].items() if group != ROUNDING for name in names}


def test_all_tests_were_run(results):
    kinds = [name.split("/")[0] for name in results]
    least = {"node": 1884, "simple": 23, "pytorch-operator": 35, "pytorch-converted": 82, "light": 9}
    assert {kind: kinds.count(kind) for kind in least} == least


def test_ortlet_passes_wherever_plain_onnxruntime_does(results):
    behind = {name: own for name, (own, other) in results.items() if own != PASSES and other == PASSES}
    assert behind == {}


def test_ortlet_passes_with_types_that_plain_onnxruntime_does_not_take(results):
    # Of types like bfloat16, float8 and int4 there are about a hundred tests that ONNX Runtime can compute.
    assert count(results, True, False) >= 50


def test_nothing_crashes(results):
    assert [name for name, both in results.items() if "crash" in both] == []


def test_what_fails_is_as_listed(results):
    found = described(results)
    if os.environ.get("ORTLET_UPDATE") == "1":
        LIST.write_text(json.dumps(found, indent=1) + "\n")
        return
    listed = json.loads(LIST.read_text())
    before, now = by_name(listed), by_name(found)
    changed = {
        name: f"{before.get(name, 'both pass')} -> {now.get(name, 'both pass')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    }
    assert changed == {}, "update the list by ORTLET_UPDATE=1 if this is right"
    assert found["counts"]["all"] == listed["counts"]["all"]
