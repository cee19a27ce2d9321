"""Cases as they lie in the files of the suite. A field that is not known is a mistake: nobody would look at it."""

import json
from pathlib import Path

SUITE = Path(__file__).resolve().parents[3] / "tests" / "conformance"

# What may be said of each part of a case. `README.md` of the suite describes every field.
FIELDS = {
    "file": {"about", "cases"},
    "case": set(
        "name operation why may_skip process environment prepare fixture path bytes options inputs run_options runs "
        "busy shapes memory ties steps samples mode tool_options load_options artifact run_count session_name "
        "expect".split()
    ),
    "run": {"inputs", "run_options", "expect"},
    "step": {"set", "run_options", "expect"},
    "run_options": {"outputs", "deadline_ns", "cancelled", "cancel_after_ns"},
    "memory": {"dtype", "shape"},
    "tie": {"output", "input"},
    "expect": {"outputs", "output_names", "tolerance", "error", "json", "report", "model", "lines"},
    "error": {"code", "details", "message_contains"},
    "compile": {"fixture", "to"},
    "load": {"path", "options"},
    "copy": {"fixture", "to"},
    "write": {"to", "bytes"},
    "damage": {"file", "offset", "xor"},
    "cut": {"file", "length"},
}
PREPARATIONS = ("compile", "load", "copy", "write", "damage", "cut")


class Wrong(Exception):
    """Something is not as the case says, or the case itself is mistaken."""


class Skipped(Exception):
    """The binding cannot do what the case asks for, and says why."""


def files():
    """The files of the suite."""
    return sorted(SUITE.glob("*.json"))


def read_file(path):
    """The cases of a file, each checked."""
    content = json.loads(path.read_text(encoding="utf-8"))
    check_fields("file", content)
    for case in content["cases"]:
        check_case(case)
    return content["cases"]


def all_cases():
    """Every case of the suite, as pairs of its file's name and itself."""
    return [(path.stem, case) for path in files() for case in read_file(path)]


def check_fields(what, given):
    """Fails if a part of a case has a field that it cannot have."""
    if not isinstance(given, dict):
        raise Wrong(f"`{what}` is no object: {given!r}")
    unknown = sorted(given.keys() - FIELDS[what])
    if unknown:
        raise Wrong(f"`{what}` has no field `{unknown[0]}`")


def check_case(case):
    """Fails if a case has an unknown field anywhere."""
    check_fields("case", case)
    if case.get("process", "fresh") != "fresh":
        raise Wrong(f"no process is called {case['process']!r}")
    check_run(case)
    for preparation in case.get("prepare", []):
        check_preparation(preparation)
    for part, name in (("run", "runs"), ("step", "steps"), ("tie", "ties")):
        for each in case.get(name, []):
            check_fields(part, each)
            if part != "tie":
                check_run(each)
    for memory in case.get("memory", {}).values():
        check_fields("memory", memory)


def check_run(run):
    """What cases, runs and steps have in common."""
    check_fields("run_options", run.get("run_options", {}))
    expect = run.get("expect", {})
    check_fields("expect", expect)
    check_fields("error", expect.get("error", {}))


def check_preparation(preparation):
    """A preparation has one field, which says what is done."""
    kinds = list(preparation)
    if len(kinds) != 1 or kinds[0] not in PREPARATIONS:
        raise Wrong(f"no preparation is called {kinds}")
    check_fields(kinds[0], preparation[kinds[0]])


def expected_codes(case):
    """The codes of errors that a case expects, in its runs and steps too."""
    parts = [case, *case.get("runs", []), *case.get("steps", [])]
    errors = [part.get("expect", {}).get("error") for part in parts]
    return {error["code"] for error in errors if error}
