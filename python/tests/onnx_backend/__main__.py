"""Runs tests in a process that may crash: `python -m onnx_backend ENGINE DATA NUMBER…`; prints a line for each."""

import json
import sys
from pathlib import Path

from . import cases, compare, engines

PASSES = "passes"


def result(engine, case):
    """What comes of a test, in few words that are the same on each machine."""
    try:
        compare.check_all(engine.run(case), case.outputs(), case.rtol, case.atol)
        return PASSES
    except compare.Differs as difference:
        return f"outputs differ: {difference}"
    except Exception as error:  # Whatever it is, it is what came of this test.
        print(f"{case.name}: {error!r}", file=sys.stderr)
        return engine.reason(error)


def main():
    engine = engines.ENGINES[sys.argv[1]]()
    all_cases = cases.all_cases(Path(sys.argv[2]))
    # A line at once, so that the one that asked knows which test was under way at a crash.
    for number in range(int(sys.argv[3]), len(all_cases)):
        said = {"number": number, "name": all_cases[number].name, "result": result(engine, all_cases[number])}
        print(json.dumps(said), flush=True)


main()
