"""How a process ends: with runs under way, by an interrupt, and with sessions that nobody dropped."""

import signal
import subprocess
import sys
import textwrap

import pytest

LONGEST_S = 60
HEAD = """
import asyncio, os, signal, sys, threading, time
import numpy as np
import ortlet
session = ortlet.Session(sys.argv[1])
endless = {'count': np.array(2**62), 'x': np.zeros(2, np.float32)}

def begun(count):
    while session.metrics()['metrics']['in_flight_count'] < count:
        time.sleep(0.001)

def interrupt_soon():
    def interrupt():
        begun(1)
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
"""


@pytest.fixture
def script(fixtures, tmp_path):
    """Runs a script and gives its status and what it printed."""

    def run(body):
        command = [sys.executable, "-c", HEAD + textwrap.dedent(body), str(fixtures / "repeat.onnx"), str(tmp_path)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
        return said.returncode, said.stdout.split(), said.stderr

    return run


# Work that would take far longer than until the interrupt.
TOOLS = {
    "tune": "ortlet.tune(magika, many, time_limit_ms=600_000)",
    "calibrate": "ortlet.calibrate(ortlet.Model.open(magika), many * 2_000)",
    "choose-precision": "ortlet.choose_precision(magika, precision='auto', samples=many, time_limit_ms=600_000)",
    "load": "ortlet.Session(magika, precision='auto', samples=many, time_limit_ms=600_000)",
    "compile": "ortlet.compile(magika, sys.argv[2] + '/made', precision='auto', samples=many, time_limit_ms=600_000)",
}


@pytest.mark.parametrize("tool", TOOLS)
def test_an_interrupt_ends_long_work(script, tool):
    status, printed, errors = script(
        f"""
        magika = os.environ['ORTLET_TEST_MODELS'] + '/magika/model.onnx'
        many = [{{'bytes': np.random.default_rng(n).integers(0, 257, (1, 2048), np.int32)}} for n in range(8)]
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            {TOOLS[tool]}
            print('done')
        except KeyboardInterrupt:
            print('interrupted')
        """
    )
    assert (status, printed) == (0, ["interrupted"]), errors


def test_an_interrupt_ends_an_asynchronous_run(script):
    status, printed, errors = script(
        """
        interrupt_soon()
        try:
            asyncio.run(session.run_async(endless))
        except KeyboardInterrupt:
            print('interrupted')
        """
    )
    assert (status, printed) == (0, ["interrupted"]), errors


def test_a_signal_that_nobody_minds_ends_nothing(script):
    status, printed, errors = script(
        """
        calls = []
        signal.signal(signal.SIGALRM, lambda *_: calls.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        try:
            session.run(endless, deadline=0.5)
        except ortlet.DeadlineExceeded:
            signal.setitimer(signal.ITIMER_REAL, 0)
            print('deadline', len(calls) > 0)
        """
    )
    assert (status, printed) == (0, ["deadline", "True"]), errors


@pytest.mark.parametrize("ending", ["", "sys.exit(0)", "session.close()", "del session"])
def test_a_process_ends_while_threads_compute(script, ending):
    status, printed, errors = script(
        f"""
        for _ in range(2):
            threading.Thread(target=session.run, args=(endless,), daemon=True).start()
        begun(2)
        print('end', flush=True)
        {ending}
        """
    )
    assert (status, printed) == (0, ["end"]), errors


def test_a_process_ends_while_a_task_computes(script):
    status, printed, errors = script(
        """
        loop = asyncio.new_event_loop()
        task = loop.create_task(session.run_async(endless))
        loop.run_until_complete(asyncio.sleep(0.05))
        begun(1)
        print('end', flush=True)
        """
    )
    assert (status, printed) == (0, ["end"]), errors


@pytest.mark.parametrize("attempt", range(8))
def test_a_process_ends_right_after_a_task(script, attempt):
    status, printed, errors = script(
        """
        # Only then does the thread that tells of the end of the run have to wait for Python until the process ends.
        sys.setswitchinterval(100)
        asyncio.run(session.run_async({'count': np.array(1), 'x': np.zeros(2, np.float32)}))
        """
    )
    assert (status, printed, errors) == (0, [], "")


def test_a_process_ends_with_what_nobody_dropped(script):
    status, printed, errors = script(
        """
        binding = session.bind()
        outputs = binding.run()
        cycle = [session, binding, outputs]
        cycle.append(cycle)
        sys.kept = cycle
        """
    )
    assert (status, printed, errors) == (0, [], "")


def test_a_killed_process_says_that_it_was_killed(script):
    status, _, _ = script("os.kill(os.getpid(), signal.SIGTERM)")
    assert status == -signal.SIGTERM
