"""Runs all tests with an engine in processes of their own, so that a crash costs one test."""

import json
import subprocess
import sys
from pathlib import Path

from . import cases

# Far more than all of them take.
LONGEST_S = 900


def run_all(engine, data):
    """What came of each test, by name."""
    names = [case.name for case in cases.all_cases(data)]
    results = {}
    while len(results) < len(names):
        results |= run_from(engine, data, len(results))
        if len(results) < len(names):
            results[names[len(results)]] = "crash"
    assert list(results) == names
    return results


def run_from(engine, data, first):
    """The tests from this one on, as far as the process comes."""
    command = [sys.executable, "-m", "onnx_backend", engine, str(data), str(first)]
    tests = Path(__file__).parents[1]
    said = subprocess.run(command, cwd=tests, capture_output=True, text=True, timeout=LONGEST_S)
    lines = [json.loads(line) for line in said.stdout.splitlines() if line.startswith('{"number"')]
    if not lines and first == 0:
        raise AssertionError(f"{engine} runs nothing:\n{said.stderr[-2000:]}")
    return {line["name"]: line["result"] for line in lines}
