"""Bindings as Python has them: arrays that are views of fixed memory, whose memory outlives whatever it has to."""

import ctypes
import gc

import ml_dtypes
import numpy as np
import ortlet
import pytest

from identities import model, same_bits

ROW = np.array([[1, 2, 3]], np.float32)
RESULT = np.array([[32, 18]], np.float32)


@pytest.fixture
def linear(fixtures):
    return ortlet.Session(fixtures / "linear.onnx", threads=1)


def bound(session):
    binding = session.bind({"x": (1, 3)})
    binding.inputs["x"][...] = ROW
    return binding


def test_inputs_and_outputs_are_views(linear):
    binding = bound(linear)
    given, got = binding.inputs["x"], binding.run()["y"]
    assert same_bits(got, RESULT) and np.shares_memory(given, binding.inputs["x"])
    given[...] = 0
    assert same_bits(binding.run()["y"], np.array([[10, -10]], np.float32))
    assert np.shares_memory(got, binding.outputs["y"])
    assert same_bits(got, binding.outputs["y"])


def test_mappings(linear):
    binding = bound(linear)
    assert (list(binding.inputs), len(binding.inputs)) == (["x"], 1)
    assert "x" in binding.inputs and "y" not in binding.inputs
    with pytest.raises(KeyError):
        binding.inputs["y"]
    outputs = binding.run()
    assert (list(outputs), dict(outputs).keys()) == (["y"], {"y"})


def test_there_are_no_outputs_before_the_first_run(linear):
    with pytest.raises(ortlet.InvalidArgument):
        bound(linear).outputs["y"]


def test_views_outlive_binding_and_session(linear):
    binding = bound(linear)
    given, got = binding.inputs["x"], binding.run()["y"]
    del binding
    gc.collect()
    # What else would be in that memory by now.
    filled = [np.full(100, 7, np.float32) for _ in range(1000)]
    assert same_bits(given, ROW) and same_bits(got, RESULT)
    given[...] = 5
    assert given.tolist() == [[5, 5, 5]] and len(filled) == 1000


def test_a_binding_outlives_the_name_of_its_session(fixtures):
    session = ortlet.Session(fixtures / "linear.onnx")
    binding = bound(session)
    del session
    gc.collect()
    assert same_bits(binding.run()["y"], RESULT)


def test_a_binding_of_a_closed_session(linear):
    binding = bound(linear)
    linear.close()
    try:
        assert same_bits(binding.run()["y"], RESULT)
    except ortlet.InvalidArgument as error:
        assert "closed" in str(error)


MEMORIES = {
    "array": lambda: np.zeros((1, 3), np.float32),
    "ctypes": lambda: ((ctypes.c_float * 3) * 1)(),
    "memoryview": lambda: memoryview(bytearray(12)).cast("f", (1, 3)),
}


@pytest.mark.parametrize("kind", MEMORIES)
def test_memory_of_the_callers(linear, kind):
    memory = MEMORIES[kind]()
    output = np.zeros((1, 2), np.float32)
    binding = linear.bind({"x": memory, "y": output})
    np.asarray(memory)[...] = ROW
    binding.run()
    assert same_bits(output, RESULT) and np.shares_memory(binding.outputs["y"], output)
    assert np.shares_memory(binding.inputs["x"], np.asarray(memory))


def test_memory_of_the_callers_lives_as_long_as_the_binding(linear):
    binding = linear.bind({"x": ROW.copy(), "y": np.zeros((1, 2), np.float32)})
    gc.collect()
    filled = [np.full((1, 3), 7, np.float32) for _ in range(1000)]
    assert same_bits(binding.run()["y"], RESULT) and len(filled) == 1000


@pytest.mark.parametrize("part", [slice(0, 4), slice(2, 6)])
def test_memory_for_two_names_that_overlaps_is_refused(part):
    memory = np.zeros(8, np.float32)
    with pytest.raises((ortlet.Error, ValueError)):
        ortlet.Session(model("float32")).bind({"x": memory[:4], "y": memory[part]})


READ_ONLY = ROW.copy()
READ_ONLY.flags.writeable = False
UNFIT = {
    "another-type": np.zeros((1, 3), np.float64),
    "another-shape": np.zeros((1, 4), np.float32),
    "strided": np.zeros((1, 6), np.float32)[:, ::2],
    "fortran": np.asfortranarray(np.zeros((2, 3), np.float32)),
    "bytes": bytes(12),
    "text": "x",
    "nothing": None,
    "fraction": (1.5, 3),
    "negative": (-1, 3),
    "huge": (2**62, 3),
    "objects": np.array([["a", "b", "c"]], object),
}


@pytest.mark.parametrize("what", UNFIT)
def test_memory_that_does_not_fit(linear, what):
    with pytest.raises((ortlet.Error, TypeError, ValueError, OverflowError)):
        linear.bind({"x": UNFIT[what]})


def test_outputs_cannot_be_in_memory_that_is_read_only(linear):
    output = np.zeros((1, 2), np.float32)
    output.flags.writeable = False
    with pytest.raises((ortlet.Error, TypeError, ValueError)):
        linear.bind({"x": (1, 3), "y": output}).run()
    assert output.tolist() == [[0, 0]]


def test_an_input_in_memory_that_is_read_only_is_not_written(linear):
    """Refused, or read as it is; but no view of it can be written."""
    try:
        binding = linear.bind({"x": READ_ONLY})
    except (ortlet.Error, TypeError, ValueError):
        return
    assert same_bits(binding.run()["y"], RESULT)
    assert not binding.inputs["x"].flags.writeable


def test_memory_that_is_not_aligned(linear):
    memory = np.frombuffer(bytearray(13), np.uint8)[1:].view(np.float32).reshape(1, 3)
    assert not memory.flags.aligned
    try:
        binding = linear.bind({"x": memory})
    except (ortlet.Error, ValueError):
        return
    memory[...] = ROW
    assert same_bits(binding.run()["y"], RESULT)


def test_a_tie_swaps_the_memory_that_is_read_next(fixtures):
    session = ortlet.Session(fixtures / "counter.onnx")
    binding = session.bind(ties={"next": "state"})
    binding.inputs["x"][...] = [1, 10]
    for step in range(1, 20):
        outputs = binding.run()
        assert outputs["next"].tolist() == [step, 10 * step] and outputs["double"].tolist() == [2 * step, 20 * step]
        assert binding.inputs["state"].tolist() == [step, 10 * step]
    binding.inputs["state"][...] = 0
    assert binding.run()["next"].tolist() == [1, 10]


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_bindings_of_scalars_and_of_nothing(shape):
    session = ortlet.Session(model("float32"))
    binding = session.bind({"x": shape})
    binding.inputs["x"][...] = 4
    assert same_bits(binding.run()["y"], np.full(shape, 4, np.float32))


def test_a_size_alone_is_a_shape_of_one_dimension():
    binding = ortlet.Session(model("int32")).bind({"x": 3})
    binding.inputs["x"][...] = [1, 2, 3]
    assert binding.run()["y"].tolist() == [1, 2, 3]


def test_outputs_whose_size_changes_keep_their_own_memory(fixtures):
    binding = ortlet.Session(fixtures / "nonzero.onnx").bind({"x": 4})
    binding.inputs["x"][...] = [1, 1, 1, 0]
    first = binding.run()["y"]
    assert first.tolist() == [[0, 1, 2]]
    kept = first.copy()
    binding.inputs["x"][...] = [0, 0, 0, 9]
    assert binding.run()["y"].tolist() == [[3]]
    # A view of a run before is memory that is there; its numbers may be those of either run.
    assert first.shape == kept.shape and int(first.sum()) >= 0


@pytest.mark.parametrize(("dtype", "zero"), [("int4", 0), ("uint4", 1)])
def test_small_integers_are_written_by_name(dtype, zero, fixtures):
    """They are packed in memory, so no array of NumPy's can lie there."""
    session = ortlet.Session(fixtures / f"unpack_{dtype}.onnx")
    binding = session.bind({"x": (3,)})
    for given in ([1, 0, 7], np.array([3, 2, 1]).astype(getattr(ml_dtypes, dtype))):
        binding.inputs["x"] = given
        assert binding.run()["y"].tolist() == [float(number) - zero for number in given]
    with pytest.raises(ValueError, match="read-only"):
        binding.inputs["x"][:] = 0
    with pytest.raises(ortlet.TensorMismatch):
        binding.inputs["x"] = [1, 2]
