"""Threads, tasks, cancelling and deadlines all at once on real models: what completes is exact, and nothing hangs."""

import asyncio
import contextlib
import gc
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import ortlet
import pytest

from subjects import all_subjects, check

THREADS = 6
ROUNDS = 150
# Deadlines and moments of cancelling, from before a run begins until long after it ended.
LONGEST_MOMENT_S = 0.012
ALLOWED = {"plain": set(), "deadline": {"deadline_exceeded"}, "cancel": {"cancelled"}}
ALLOWED["both"] = ALLOWED["deadline"] | ALLOWED["cancel"]


@pytest.fixture(autouse=True)
def impatient_threads():
    """Threads take turns a thousand times as often as usual, which brings out what goes wrong between them."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="module")
def subjects():
    return all_subjects()


LIMITED = {"concurrency_limit": 2, "concurrency_wait_ms": 600_000}


@pytest.fixture(scope="module", params=[{}, LIMITED], ids=["free", "limited"])
def sessions(request, subjects):
    """A session of each model, once without and once with a bound on runs at the same time."""
    return [(subject.session(**request.param), subject.cases) for subject in subjects]


class Chaos:
    """Cancels tokens at random moments, on a thread of its own."""

    def __init__(self):
        self.tokens, self.is_over = [], threading.Event()
        self.thread = threading.Thread(target=self.cancel_all)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    def token(self):
        token = ortlet.CancelToken()
        self.tokens.append(token)
        return token

    def cancel_all(self):
        own = random.Random(5)
        while not self.is_over.is_set() or self.tokens:
            time.sleep(own.uniform(0, LONGEST_MOMENT_S / 4))
            with contextlib.suppress(IndexError):
                self.tokens.pop(0).cancel()


def controls(kind, own, chaos):
    """Arguments of a run that may be ended in one way or the other."""
    arguments = {}
    if kind in ("deadline", "both"):
        arguments["deadline"] = own.uniform(0, LONGEST_MOMENT_S)
    if kind in ("cancel", "both"):
        arguments["cancel"] = chaos.token()
    return arguments


def caller(seed, sessions, chaos):
    """One of many threads: runs of every kind, and what came of them."""
    own, ends = random.Random(seed), Counter()
    for _ in range(ROUNDS):
        session, cases = own.choice(sessions)
        inputs, expected = own.choice(cases)
        kind = own.choice(list(ALLOWED))
        try:
            check(session.run(inputs, **controls(kind, own, chaos)), expected)
            ends["completed"] += 1
        except ortlet.Error as error:
            assert error.code in ALLOWED[kind], (kind, error)
            ends[error.code] += 1
    return ends


async def task(own, sessions, chaos, ends):
    session, cases = own.choice(sessions)
    inputs, expected = own.choice(cases)
    kind = own.choice(list(ALLOWED))
    try:
        check(await session.run_async(inputs, **controls(kind, own, chaos)), expected)
        ends["completed"] += 1
    except ortlet.Error as error:
        assert error.code in ALLOWED[kind], (kind, error)
        ends[error.code] += 1


async def tasks(seed, sessions, chaos):
    """An event loop: tasks of every kind, of which half are cancelled at some moment."""
    own, ends = random.Random(seed), Counter()
    for _ in range(ROUNDS // 6):
        begun = [asyncio.create_task(task(own, sessions, chaos, ends)) for _ in range(6)]
        await asyncio.sleep(own.uniform(0, LONGEST_MOMENT_S / 2))
        for each in begun[::2]:
            each.cancel()
        for result in await asyncio.gather(*begun, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError), result
            ends["task cancelled"] += result is not None
    return ends


def wait_until_idle(session):
    """Runs of cancelled tasks may end a little later than their tasks."""
    while session.metrics().metrics.in_flight_count:
        time.sleep(0.001)


def test_everything_at_once(sessions):
    with Chaos() as chaos, ThreadPoolExecutor(THREADS + 2) as pool:
        callers = [pool.submit(caller, seed, sessions, chaos) for seed in range(THREADS)]
        loops = [pool.submit(lambda seed=seed: asyncio.run(tasks(seed, sessions, chaos))) for seed in (20, 21)]
        ends = sum((each.result() for each in callers + loops), Counter())
    assert sum(ends.values()) == THREADS * ROUNDS + 2 * (ROUNDS // 6) * 6
    # Every way to end was taken, or the test tests nothing.
    assert all(ends[way] for way in ("completed", "cancelled", "deadline_exceeded", "task cancelled")), ends
    for session, cases in sessions:
        wait_until_idle(session)
        for inputs, expected in cases:
            check(session.run(inputs), expected)


def test_bindings_of_one_session_beside_each_other(subjects):
    subject = subjects[0]
    session = subject.session()

    def carry(case):
        """Runs in memory of its own, once more after a run that was too late."""
        inputs, expected = case
        binding = session.bind({name: value.shape for name, value in inputs.items()})
        for _ in range(40):
            for name, value in inputs.items():
                binding.inputs[name][...] = value
            with contextlib.suppress(ortlet.DeadlineExceeded):
                binding.run(deadline=0.0001)
            check(dict(binding.run()), expected)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(carry, subject.cases))


def test_a_binding_that_two_threads_run(subjects):
    """One waits or is refused, but memory is never torn."""
    inputs, expected = subjects[0].cases[0]
    binding = subjects[0].session().bind({name: value.shape for name, value in inputs.items()})
    for name, value in inputs.items():
        binding.inputs[name][...] = value

    def run():
        ended = Counter()
        for _ in range(100):
            try:
                binding.run()
                ended["completed"] += 1
            except (ortlet.Error, RuntimeError):
                ended["refused"] += 1
        return ended

    with ThreadPoolExecutor(3) as pool:
        ended = sum((each.result() for each in [pool.submit(run) for _ in range(3)]), Counter())
    assert ended["completed"] >= 1 and sum(ended.values()) == 300
    check(dict(binding.run()), expected)


def test_sessions_that_are_dropped_while_they_run(subjects):
    subject = subjects[1]
    for _ in range(15):
        session = subject.session()
        with ThreadPoolExecutor(3) as pool:
            runs = [(pool.submit(session.run, inputs), expected) for inputs, expected in subject.cases]
            del session
            gc.collect()
            for run, expected in runs:
                check(run.result(), expected)


def test_sessions_that_are_closed_while_they_run(subjects):
    subject = subjects[1]
    for _ in range(15):
        session = subject.session()
        with ThreadPoolExecutor(3) as pool:
            runs = [(pool.submit(session.run, inputs), expected) for inputs, expected in subject.cases]
            session.close()
            for run, expected in runs:
                try:
                    check(run.result(), expected)
                except ortlet.InvalidArgument as error:
                    assert "closed" in str(error)
        assert session.is_closed


def test_tasks_whose_session_is_dropped(subjects):
    async def run():
        session = subjects[0].session()
        begun = [(asyncio.ensure_future(session.run_async(inputs)), expected) for inputs, expected in subjects[0].cases]
        del session
        gc.collect()
        for each, expected in begun:
            check(await each, expected)

    for _ in range(10):
        asyncio.run(run())


@pytest.fixture(scope="module")
def endless(fixtures):
    """A session and inputs with which a run only ends if it is ended."""
    return ortlet.Session(fixtures / "repeat.onnx"), {"count": np.array(2**62), "x": np.zeros(2, np.float32)}


def test_a_token_ends_all_that_share_it(endless):
    session, inputs = endless
    for _ in range(10):
        token = ortlet.CancelToken()
        with ThreadPoolExecutor(6) as pool:
            runs = [pool.submit(session.run, inputs, cancel=token) for _ in range(4)]
            runs += [pool.submit(lambda: asyncio.run(session.run_async(inputs, cancel=token))) for _ in range(2)]
            while session.metrics().metrics.in_flight_count < 4:
                time.sleep(0.001)
            token.cancel()
            for run in runs:
                with pytest.raises(ortlet.Cancelled):
                    run.result()
        assert token.is_cancelled


def test_a_task_that_is_cancelled_ends_its_run(endless):
    session, inputs = endless

    async def cancel():
        begun = [asyncio.ensure_future(session.run_async(inputs)) for _ in range(4)]
        await asyncio.sleep(0.02)
        for each in begun:
            each.cancel()
        ended = await asyncio.gather(*begun, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.run_async(inputs), 0.01)

    asyncio.run(cancel())
    wait_until_idle(session)


def test_an_event_loop_lives_while_a_run_computes(endless):
    session, inputs = endless

    async def count():
        token, turns = ortlet.CancelToken(), 0
        run = asyncio.ensure_future(session.run_async(inputs, cancel=token))
        while session.metrics().metrics.in_flight_count == 0 or turns < 50:
            await asyncio.sleep(0)
            turns += 1
        assert not run.done()
        token.cancel()
        with pytest.raises(ortlet.Cancelled):
            await run

    asyncio.run(count())


def test_an_event_loop_that_ends_before_its_runs(endless, subjects):
    session, inputs = endless

    async def leave():
        asyncio.ensure_future(session.run_async(inputs))
        await asyncio.sleep(0.01)

    for _ in range(5):
        asyncio.run(leave())
    wait_until_idle(session)

    # Not even closed in order: what the run gives in the end has nowhere to go.
    loop = asyncio.new_event_loop()
    # Of that, asyncio itself would complain.
    loop.set_exception_handler(lambda *_: None)
    quick = subjects[0].session()
    for given, _ in subjects[0].cases:
        loop.create_task(quick.run_async(given))
    loop.run_until_complete(asyncio.sleep(0))
    with contextlib.suppress(RuntimeError):
        loop.close()
    wait_until_idle(quick)
    check(quick.run(subjects[0].cases[0][0]), subjects[0].cases[0][1])
