"""Processes: a forked child gets an error instead of a hang, one forked before works, and so do spawned ones."""

import concurrent.futures
import multiprocessing
import subprocess
import sys
import textwrap

import numpy as np
import ortlet
import pytest

LONGEST_S = 60
INPUT = np.array([[1, 2, 3]], np.float32)
OUTPUT = [[32.0, 18.0]]

# What every script begins with.
HEAD = """
import gc, os, signal, sys, threading
import numpy as np
import ortlet
path = sys.argv[1]
INPUT = np.array([[1, 2, 3]], np.float32)

def in_child(work, end=os._exit):
    '''Runs work in a forked child, which may take a minute, and tells how it ended.'''
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            print(work(), flush=True)
        except BaseException as error:
            print(type(error).__name__, error, flush=True)
        end(0)
    _, status = os.waitpid(child, 0)
    print('child ended with', status, flush=True)

def run(session):
    return session.run({'x': INPUT})['y'].tolist()
"""


def script(body, *arguments):
    """The lines that a script prints; it has to end well."""
    command = [sys.executable, "-c", HEAD + textwrap.dedent(body), *map(str, arguments)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout.splitlines()


@pytest.fixture(scope="module")
def linear(fixtures):
    return fixtures / "linear.onnx"


# Each is asked of a child whose parent has loaded ONNX Runtime.
USES = {
    "run": "session.run({'x': INPUT})",
    "run-async": "asyncio.run(session.run_async({'x': INPUT}))",
    "bound-run": "binding.run()",
    "load": "ortlet.Session(path)",
    "load-bytes": "ortlet.Session(open(path, 'rb').read())",
    "compile": "ortlet.compile(path, path + '.none')",
    "profile": "ortlet.profile(path, {'x': INPUT}, run_count=1)",
    "tune": "ortlet.tune(path, [{'x': INPUT}], time_limit_ms=10)",
    "calibrate": "ortlet.calibrate(ortlet.Model.open(path), [{'x': INPUT}])",
}


@pytest.mark.parametrize("use", USES)
def test_a_forked_child_is_told_that_it_cannot(linear, use):
    lines = script(
        f"""
        import asyncio
        session = ortlet.Session(path)
        binding = session.bind({{'x': (1, 3)}})
        print(run(session))
        in_child(lambda: {USES[use]})
        print(run(session))
        """,
        linear,
    )
    assert lines[0] == lines[-1] == str(OUTPUT)
    assert lines[1].startswith("Unsupported") and "fork" in lines[1], lines
    assert lines[2] == "child ended with 0"


def test_the_message_says_what_to_do(linear):
    (message,) = script("ortlet.Session(path)\nin_child(lambda: ortlet.Session(path))", linear)[:1]
    assert "after" in message or "spawn" in message


@pytest.mark.parametrize("end", ["os._exit", "sys.exit"])
def test_a_child_that_only_ends_does_so(linear, end):
    """What the parent made is dropped in the child, also by the end of the interpreter."""
    lines = script(
        f"""
        session = ortlet.Session(path)
        binding = session.bind({{'x': (1, 3)}})
        run(session)
        def drop():
            global session, binding
            session.close()
            del binding, session
            gc.collect()
            return 'dropped'
        in_child(drop, {end})
        in_child(lambda: 'kept', {end})
        print(run(session))
        """,
        linear,
    )
    ended = ["child ended with 0"]
    assert lines == ["dropped", *ended, "kept", *ended, str(OUTPUT)]


def test_what_needs_no_runtime_works_in_a_child(linear):
    lines = script(
        """
        session = ortlet.Session(path)
        in_child(lambda: ortlet.Model.open(path).report().node_count)
        in_child(lambda: ortlet.Tensor([1.0, 2.0], 'float32').tolist())
        in_child(lambda: [info.name for info in session.inputs])
        """,
        linear,
    )
    assert lines[::2] == ["2", "[1.0, 2.0]", "['x']"]


def test_a_child_forked_while_runs_are_under_way(linear, fixtures):
    lines = script(
        """
        session, token, ended = ortlet.Session(sys.argv[2]), ortlet.CancelToken(), []
        endless = {'count': np.array(2**62), 'x': np.zeros(2, np.float32)}
        def compute():
            try:
                session.run(endless, cancel=token)
            except ortlet.Cancelled:
                ended.append('cancelled')
        threads = [threading.Thread(target=compute) for _ in range(3)]
        [thread.start() for thread in threads]
        while session.metrics()['metrics']['in_flight_count'] < 3:
            pass
        for _ in range(5):
            in_child(lambda: session.run(endless))
        token.cancel()
        [thread.join() for thread in threads]
        print(*ended)
        """,
        linear,
        fixtures / "repeat.onnx",
    )
    assert sum(line.startswith("Unsupported") for line in lines) == 5
    assert lines.count("child ended with 0") == 5 and lines[-1] == "cancelled cancelled cancelled"


def test_a_child_forked_before_anything_was_loaded_works(linear):
    lines = script("in_child(lambda: run(ortlet.Session(path)))\nprint(run(ortlet.Session(path)))", linear)
    assert lines == [str(OUTPUT), "child ended with 0", str(OUTPUT)]


def test_a_grandchild_of_such_a_child_is_told(linear):
    lines = script(
        """
        def child():
            session = ortlet.Session(path)
            in_child(lambda: run(session))
            return run(session)
        in_child(child)
        """,
        linear,
    )
    assert lines[0].startswith("Unsupported")
    assert lines[1:] == ["child ended with 0", str(OUTPUT), "child ended with 0"]


def load_and_run(path):
    """For a spawned process: its own session."""
    return ortlet.Session(path).run({"x": INPUT})["y"].tolist()


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_processes_have_their_own_sessions(linear, method):
    own = ortlet.Session(linear)
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        futures = [pool.submit(load_and_run, str(linear)) for _ in range(4)]
        assert [future.result(LONGEST_S) for future in futures] == [OUTPUT] * 4
        # An error comes back as the error that it was.
        with pytest.raises(ortlet.NotFound) as caught:
            pool.submit(load_and_run, "none.onnx").result(LONGEST_S)
    assert caught.value.code == "not_found" and caught.value.details["name"] == "none.onnx"
    assert own.run({"x": INPUT})["y"].tolist() == OUTPUT


def test_a_pool_of_forked_workers_fails_but_does_not_hang(linear):
    ortlet.Session(linear)
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        with pytest.raises(ortlet.Unsupported):
            pool.submit(load_and_run, str(linear)).result(LONGEST_S)
