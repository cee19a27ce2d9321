"""What may end a run, and runs beside others."""

import contextlib
import threading
import time

import ortlet

from . import values
from .cases import Wrong

LONGEST_WAIT_S = 60
# How long a run that was begun may take to get its place at the session.
SURELY_UNDER_WAY_S = 0.1


@contextlib.contextmanager
def controlled(said):
    """The arguments of a run that are what a case says in `run_options`."""
    arguments = {}
    if "outputs" in said:
        arguments["outputs"] = said["outputs"]
    if "deadline_ns" in said:
        arguments["deadline"] = said["deadline_ns"] / 1e9
    if said.get("cancelled") or "cancel_after_ns" in said:
        arguments["cancel"] = ortlet.CancelToken()
    if said.get("cancelled"):
        arguments["cancel"].cancel()
    later = None
    if "cancel_after_ns" in said:
        later = threading.Timer(said["cancel_after_ns"] / 1e9, arguments["cancel"].cancel)
        later.start()
    try:
        yield arguments
    finally:
        if later:
            later.cancel()


def run(session, inputs, said):
    """One run with inputs as a case writes them."""
    with controlled(said) as arguments:
        return session.run(values.named(inputs), **arguments)


def run_while_busy(session, case):
    """Runs while another run is under way, which is cancelled in the end."""
    stop, ended = ortlet.CancelToken(), []
    busy = threading.Thread(target=keep_busy, args=(session, values.named(case["busy"]), stop, ended))
    busy.start()
    try:
        wait_for_run(session)
        outputs = run(session, case["inputs"], case.get("run_options", {}))
    finally:
        stop.cancel()
        busy.join(LONGEST_WAIT_S)
    if ended != ["cancelled"]:
        raise Wrong(f"the busy run ended with {ended}")
    return outputs


def keep_busy(session, inputs, stop, ended):
    try:
        session.run(inputs, cancel=stop)
        ended.append("success")
    except ortlet.Error as error:
        ended.append(error.code)


def wait_for_run(session):
    start = time.monotonic()
    while session.metrics()["metrics"]["in_flight_count"] == 0:
        if time.monotonic() - start > LONGEST_WAIT_S:
            raise Wrong("the busy run does not begin")
        time.sleep(0.001)
    time.sleep(SURELY_UNDER_WAY_S)
