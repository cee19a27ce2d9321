"""Runs one case in a process of its own: `python -m conformance NAME TEMP`, with an empty folder for its files."""

import sys

from . import cases, runner
from .places import Places


def main():
    name, temp = sys.argv[1:]
    (case,) = [case for _, case in cases.all_cases() if case["name"] == name]
    try:
        runner.run_here(case, Places(temp))
    except cases.Skipped as reason:
        print(reason)
        sys.exit(runner.SKIPPED)


main()
