"""What an operation gave, and whether that is what its case expects."""

from dataclasses import dataclass, field
from typing import Any

import ortlet

from . import facts, values
from .cases import Wrong


@dataclass
class Outcome:
    """Outputs of a run, and reports as JSON."""

    outputs: Any = None
    json: Any = field(default_factory=dict)
    report: Any = field(default_factory=dict)
    model: Any = field(default_factory=dict)
    text: str = ""


def judge(attempt, expect):
    """Makes an attempt and fails unless it ends as expected."""
    expected = expect.get("error")
    try:
        outcome = attempt()
    except ortlet.Error as error:
        if expected is None:
            raise Wrong(f"fails with {error.code}: {error}") from error
        facts.check_error(error, expected)
        return
    if expected is not None:
        raise Wrong(f"succeeds, expected the error {expected['code']}")
    check_outcome(outcome, expect)


def check_outcome(outcome, expect):
    """Fails unless all that is expected of a success is so."""
    if "outputs" in expect:
        values.check_all(outcome.outputs, expect["outputs"], expect.get("tolerance", 0))
    names = list(outcome.outputs or ())
    if expect.get("output_names", names) != names:
        raise Wrong(f"outputs are {names}, expected {expect['output_names']}")
    for document in ("json", "report", "model"):
        facts.check(document, getattr(outcome, document), expect.get(document, {}))
    for line in expect.get("lines", []):
        if line not in outcome.text.splitlines():
            raise Wrong(f"the line `{line}` is not in\n{outcome.text}")
