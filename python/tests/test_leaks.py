"""A hundred thousand runs in every way there is leave memory, objects and reference counts as they were."""

import asyncio
import gc
import sys
import threading

import numpy as np
import ortlet
import pytest

import dlpack
import memory

MANY = 100_000
ROW = np.array([[1, 2, 3]], np.float32)
WRONG = np.zeros((1, 4), np.float32)


@pytest.fixture(scope="module")
def linear(fixtures):
    return ortlet.Session(fixtures / "linear.onnx", threads=1)


def test_a_leak_is_found():
    """What these tests go by finds small leaks of each kind."""
    kept = []
    with pytest.raises(AssertionError, match="objects more"):
        memory.check_objects(lambda: kept.append([]))
    with pytest.raises(AssertionError, match="bytes more"):
        memory.check_objects(lambda: kept.append(bytes(32)))
    with pytest.raises(AssertionError, match="bytes more"):
        memory.check_flat(lambda: kept.append(np.ones(64)), MANY)


def failing(attempt):
    def try_it():
        try:
            attempt()
        except (ortlet.Error, TypeError):
            return
        raise AssertionError("succeeds")

    return try_it


def of_session(linear):
    """Ways to use a session, each many times over."""
    token, over = ortlet.CancelToken(), ortlet.CancelToken()
    over.cancel()
    binding, tensor = linear.bind({"x": (1, 3)}), ortlet.Tensor(ROW)
    binding.inputs["x"][:] = ROW
    strided = np.zeros((3, 6), np.float32)[:, ::2]
    return {
        "run": lambda: linear.run({"x": ROW}),
        "run-of-names": lambda: linear.run({"x": ROW}, ["y"]),
        "run-with-a-deadline": lambda: linear.run({"x": ROW}, deadline=100),
        "run-with-a-token": lambda: linear.run({"x": ROW}, cancel=token),
        "run-with-its-own-token": lambda: linear.run({"x": ROW}, cancel=ortlet.CancelToken()),
        "run-of-lists": lambda: linear.run({"x": [[1, 2, 3]]}),
        "run-of-a-tensor": lambda: linear.run({"x": tensor}),
        "run-of-another-layout": lambda: linear.run({"x": strided}),
        "run-of-another-shape": failing(lambda: linear.run({"x": WRONG})),
        "run-of-another-type": failing(lambda: linear.run({"x": object()})),
        "run-of-an-unknown-input": failing(lambda: linear.run({"z": ROW})),
        "run-of-an-unknown-output": failing(lambda: linear.run({"x": ROW}, ["z"])),
        "run-that-is-too-late": failing(lambda: linear.run({"x": ROW}, deadline=0)),
        "run-that-is-cancelled": failing(lambda: linear.run({"x": ROW}, cancel=over)),
        "bound-run": lambda: binding.run(),
        "bound-outputs": lambda: binding.run()["y"],
        "bound-run-that-is-cancelled": failing(lambda: binding.run(cancel=over)),
        "infos": lambda: str(linear.inputs[0]) + str(linear.outputs),
        "reports": lambda: linear.report(),
        "metrics": lambda: (linear.metrics(), ortlet.metrics_text({"a": linear})),
    }


# Those that do far more than a run.
SLOW = {"reports": 500, "metrics": 300}
USES = [
    "run", "run-of-names", "run-with-a-deadline", "run-with-a-token", "run-with-its-own-token", "run-of-lists",
    "run-of-a-tensor", "run-of-another-layout", "run-of-another-shape", "run-of-another-type",
    "run-of-an-unknown-input", "run-of-an-unknown-output", "run-that-is-too-late", "run-that-is-cancelled",
    "bound-run", "bound-outputs", "bound-run-that-is-cancelled", "infos", "reports", "metrics",
]  # fmt: skip


def test_every_way_is_listed(linear):
    assert list(of_session(linear)) == USES


@pytest.mark.parametrize("use", USES)
def test_using_a_session_needs_no_more_memory(linear, use):
    action = of_session(linear)[use]
    count = SLOW.get(use, MANY)
    memory.check_objects(action, min(count, 1_000))
    memory.check_flat(action, count)


def test_binding_needs_no_more_memory(linear):
    own = np.zeros((1, 3), np.float32)

    def bind():
        binding = linear.bind({"x": own, "y": (1, 2)})
        binding.run()
        assert binding.outputs["y"].shape == (1, 2)

    memory.check_objects(bind)
    memory.check_flat(bind, 20_000)


def test_a_binding_in_a_cycle_is_collected(linear):
    def bind():
        binding = linear.bind({"x": (1000, 3)})
        own = {"binding": binding, "inputs": binding.inputs}
        own["self"] = own

    memory.check_objects(bind)
    memory.check_flat(bind, 3_000)


def test_outputs_are_freed(fixtures):
    own = ortlet.Session(fixtures / "any_rank.onnx")
    large = np.zeros(100_000, np.float32)
    memory.check_flat(lambda: own.run({"x": large}), 2_000)
    memory.check_flat(lambda: own.run({"x": large[::2]}), 500)


OTHERS = {
    "split": {"x": [1.0, 2.0, 3.0], "pieces": [1, 2]},
    "words": {"a": ["some longer text than fits in place"] * 5, "b": np.array(["b"] * 5, object)},
    "sequence_of_words": {"s": [["a", "b"], ["c"]], "more": ["d"]},
    "zip_map_string": {"x": [[0.5, 1.5]] * 3},
    "look_up": {"x": {"a": 1, "b": 2}},
    "optional_input": {"x": None},
    "optional_output": {"x": [1.0]},
    "identity_bfloat16": {"x": [1.0]},
    "pack_int4": {"x": [1.0, 2.0, 3.0]},
}


@pytest.mark.parametrize("model", OTHERS)
def test_values_of_every_kind_are_freed(fixtures, model):
    own = ortlet.Session(fixtures / f"{model}.onnx", threads=1)
    memory.check_objects(lambda: own.run(OTHERS[model]))
    memory.check_flat(lambda: own.run(OTHERS[model]), 20_000)


def test_tensors_are_freed():
    data = bytes(4_000)

    def make():
        tensor = ortlet.Tensor(data, "float32", (10, 100))
        assert len(tensor.numpy()) == 10
        np.from_dlpack(tensor)
        ortlet.Tensor(tensor.__array__())
        ortlet.Tensor(["a", "b"], "string").tolist()

    memory.check_objects(make)
    memory.check_flat(make, 20_000)


def test_capsules_are_freed(linear):
    producer = dlpack.Producer(ROW.tobytes(), dlpack.FLOAT, 32, (1, 3))
    for _ in range(1_000):
        linear.run({"x": producer})
    gc.collect()
    assert producer.made == producer.deleted == 1_000


def test_asynchronous_runs_need_no_more_memory(linear):
    async def run():
        await asyncio.gather(*(linear.run_async({"x": ROW}) for _ in range(20)))

    async def cancel():
        tasks = [asyncio.ensure_future(linear.run_async({"x": ROW})) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def at_rest():
        # What a run that was given up has told the loop, is dropped when that goes on.
        loop.run_until_complete(linear.run_async({"x": ROW}))

    loop = asyncio.new_event_loop()
    try:
        for work in (run, cancel):
            memory.check_objects_beside_threads(lambda: loop.run_until_complete(work()), at_rest, 100)
            memory.check_flat(lambda: loop.run_until_complete(work()), 500)
    finally:
        loop.close()


def test_event_loops_are_freed(linear):
    # Not by `asyncio.run`, which writes out the result of its task for a signal that has no name, each time.
    def run():
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(linear.run_async({"x": ROW}))
        finally:
            loop.close()

    memory.check_objects_beside_threads(run, run, 400)


def test_threads_that_ran_are_freed(linear):
    def run():
        thread = threading.Thread(target=linear.run, args=({"x": ROW},))
        thread.start()
        thread.join()

    memory.check_objects(run, 200)
    memory.check_flat(run, 2_000)


@pytest.mark.parametrize("close", [True, False])
def test_sessions_that_were_closed_are_freed(models, close):
    path, given = models / "magika/model.onnx", np.zeros((1, 2048), np.int32)

    def load():
        own = ortlet.Session(path, threads=1)
        own.run({"bytes": given})
        if close:
            own.close()

    memory.check_flat(load, 100, warm_up=25)


def test_loads_that_fail_are_freed(fixtures):
    for model in (b"no model", fixtures / "none.onnx", fixtures / "no_kernel.onnx"):
        memory.check_flat(failing(lambda: ortlet.Session(model)), 1_000)


def test_models_are_freed(models):
    path = models / "magika/model.onnx"
    memory.check_flat(lambda: ortlet.Model.open(path).report(), 300, warm_up=50)
    content = path.read_bytes()
    memory.check_flat(lambda: ortlet.Model.parse(content).to_bytes(), 100, warm_up=30)


def references(values):
    return [sys.getrefcount(value) for value in values]


def test_reference_counts_stay_as_they_were(linear):
    array, tensor, names, token = ROW.copy(), ortlet.Tensor(ROW), ["y"], ortlet.CancelToken()
    listed, buffer = [[1.0, 2.0, 3.0]], memoryview(ROW.copy())
    inputs = {"x": array}
    values = [array, tensor, names, names[0], token, listed, listed[0], listed[0][0], buffer, inputs, None, True]
    before = references(values)

    def use(given):
        linear.run({"x": given}, names, cancel=token, deadline=100)
        failing(lambda: linear.run({"x": given, "z": given}))()
        failing(lambda: linear.run({"x": given}, ["z"]))()

    for _ in range(1_000):
        use(array), use(tensor), use(listed), use(buffer)
    asyncio.run(linear.run_async(inputs, names, cancel=token))
    linear.bind({"x": array}).run()
    gc.collect()
    # None and True are counted by everything, or not at all.
    assert references(values)[:-2] == before[:-2]
    assert all(abs(now - then) < 500 for now, then in zip(references(values)[-2:], before[-2:]))
