"""Takes a case, does what it says in this process or in one of its own, and fails if something is not as expected."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import sessions, tools
from .cases import Skipped, Wrong
from .outcomes import judge
from .places import Places

# The exit status of a process that leaves its case out; its reason is what it printed.
SKIPPED = 77
# Ends a process that hangs; no case takes a tenth of it.
LONGEST_S = 300

OPERATIONS = {
    "load": sessions.load,
    "load_bytes": sessions.load,
    "session_info": sessions.info,
    "run": sessions.run_once,
    "run_async": sessions.run_async,
    "run_while_busy": sessions.busy,
    "bind": sessions.bind,
    "metrics": sessions.metrics,
    "metrics_text": sessions.metrics_text,
    "panic": sessions.panic,
    "model_report": tools.model_report,
    "model_report_bytes": tools.model_report_bytes,
    "quantize": tools.quantize,
    "compile": tools.compile,
    "tune": tools.tune,
    "precision": tools.precision,
    "profile": tools.profile,
    "doctor": tools.doctor,
}


def run(case):
    """Runs a case, in a process of its own if it asks for one."""
    # Artifacts are read-only, and a session that failed to load may still hold a file.
    with tempfile.TemporaryDirectory(prefix="ortlet-conformance-", ignore_cleanup_errors=True) as temp:
        places = Places(temp)
        run_fresh(case, places) if "process" in case else run_here(case, places)


def run_here(case, places):
    """Runs a case in this process."""
    operation = OPERATIONS.get(case["operation"])
    if operation is None:
        raise Wrong(f"no operation is called {case['operation']}")
    places.prepare(case.get("prepare", []))
    judge(lambda: operation(case, places), case.get("expect", {}))


def run_fresh(case, places):
    """Runs a case in a new interpreter, in which nothing has used Ortlet before."""
    environment = {name: value for name, value in os.environ.items() if name != "ORTLET_CACHE"}
    for name, value in case.get("environment", {}).items():
        environment.pop(name, None) if value is None else environment.update({name: places.fill(value)})
    command = [sys.executable, "-m", "conformance", case["name"], places.temp]
    tests = Path(__file__).parents[1]
    said = subprocess.run(command, cwd=tests, env=environment, capture_output=True, text=True, timeout=LONGEST_S)
    if said.returncode == SKIPPED:
        raise Skipped(said.stdout.strip())
    if said.returncode != 0:
        raise Wrong(f"fails in a process of its own:\n{said.stdout}{said.stderr}")
