"""What crosses processes is what it was: errors, reports, tensors, options. What cannot says what to do instead."""

import copy
import json
import pickle

import ml_dtypes
import numpy as np
import ortlet
import pytest

from identities import NUMBERS, every_bit_pattern

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

# Every error: its code, and the exceptions of Python that it also is.
ERRORS = {
    "InvalidArgument": ("invalid_argument", ValueError),
    "InvalidModel": ("invalid_model", ValueError),
    "Unsupported": ("unsupported", NotImplementedError),
    "TensorMismatch": ("tensor_mismatch", ValueError),
    "NotFound": ("not_found", FileNotFoundError, LookupError),
    "Io": ("io", OSError),
    "RuntimeNotFound": ("runtime_not_found", ImportError),
    "RuntimeIncompatible": ("runtime_incompatible", ImportError),
    "RuntimeFailed": ("runtime_failed", RuntimeError),
    "DeadlineExceeded": ("deadline_exceeded", TimeoutError),
    "Cancelled": ("cancelled",),
    "PoolExhausted": ("pool_exhausted", RuntimeError),
    "Integrity": ("integrity", ValueError),
    "AccuracyBudget": ("accuracy_budget", ArithmeticError),
    "LimitExceeded": ("limit_exceeded", MemoryError),
    "Internal": ("internal", RuntimeError),
}


def copies(value):
    """The value after each way there is to copy it."""
    yield copy.copy(value)
    yield copy.deepcopy(value)
    for protocol in PROTOCOLS:
        yield pickle.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_what_python_programs_catch(name):
    kind, also = getattr(ortlet, name), ERRORS[name][1:]
    assert kind is getattr(ortlet.errors, name)
    assert issubclass(kind, (ortlet.Error, *also)) and all(issubclass(kind, each) for each in also)
    assert issubclass(ortlet.Error, Exception) and not issubclass(ortlet.Error, OSError)
    assert kind.__module__ in ("ortlet", "ortlet.errors") and kind.__doc__


def raised(fixtures):
    """Errors as they are raised, of several kinds."""
    linear, wrong = ortlet.Session(fixtures / "linear.onnx"), np.zeros((1, 4), np.float32)
    right = np.zeros((1, 3), np.float32)
    attempts = [
        lambda: linear.run({"x": wrong}),
        lambda: linear.run({"x": right}, ["none"]),
        lambda: linear.run({"x": right}, deadline=0),
        lambda: ortlet.Session(fixtures / "none.onnx"),
        lambda: ortlet.Session(fixtures / "linear.onnx", threads=0),
        lambda: ortlet.Session(b"no model"),
        lambda: ortlet.Session(fixtures / "no_kernel.onnx"),
        lambda: ortlet.Session(fixtures),
    ]
    for attempt in attempts:
        with pytest.raises(ortlet.Error) as caught:
            attempt()
        yield caught.value


def test_errors_cross_processes(fixtures):
    seen = set()
    for error in raised(fixtures):
        seen.add(error.code)
        for other in copies(error):
            assert type(other) is type(error) and other.args == error.args
            assert (str(other), other.code, other.details) == (str(error), error.code, error.details)
    assert len(seen) >= 6


def test_details_of_errors_are_json(fixtures):
    for error in raised(fixtures):
        assert json.loads(json.dumps(error.details)) == error.details
        assert error.details["code"] == error.code == ERRORS[type(error).__name__][0]
        assert error.details["message"] == str(error)


def test_reports_cross_processes(fixtures):
    own = ortlet.Session(fixtures / "linear.onnx")
    own.run({"x": np.zeros((1, 3), np.float32)})
    reports = [own.report(), own.metrics(), ortlet.Model.open(fixtures / "dense.onnx").report(), ortlet.doctor()]
    for report in reports:
        assert isinstance(report, dict) and json.loads(json.dumps(report)) == report
        for other in copies(report):
            assert type(other) is type(report) and other == report and repr(other) == repr(report)
        assert report._repr_html_().lstrip().startswith("<")
    assert reports[0].phases.total_ns == reports[0]["phases"]["total_ns"] > 0
    assert pickle.loads(pickle.dumps(reports[0])).phases.total_ns == reports[0].phases.total_ns


def test_a_report_lacks_what_it_lacks(fixtures):
    report = ortlet.Model.open(fixtures / "linear.onnx").report()
    with pytest.raises(AttributeError, match="nodes_count"):
        report.nodes_count
    with pytest.raises(KeyError):
        report["nodes_count"]
    assert not hasattr(report, "nothing") and "node_count" in dir(report)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_tensors_cross_processes(dtype):
    given = every_bit_pattern(dtype)[:60].reshape(2, -1)
    for other in copies(ortlet.Tensor(given.tobytes(), dtype, given.shape)):
        assert (other.dtype, other.shape, other.tobytes()) == (dtype, given.shape, given.tobytes())


def test_tensors_of_texts_and_halves_of_bytes_cross_processes():
    texts = ortlet.Tensor([["a", "日本"], ["", "🙂\0"]], "string")
    halves = ortlet.Tensor([-8, 7, 0], "int4")
    quarters = ortlet.Tensor([3, 0, 1, 2, 3], "uint2")
    for tensor in (texts, halves, quarters, ortlet.Tensor(np.zeros((0, 2), np.int8))):
        for other in copies(tensor):
            assert (other.dtype, other.shape, other.tolist()) == (tensor.dtype, tensor.shape, tensor.tolist())
            assert other == tensor


def test_a_tensor_of_a_column_crosses_processes():
    given = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::-2]
    for other in copies(ortlet.Tensor(given)):
        assert other.tolist() == given.tolist()


def test_equal_tensors():
    one = ortlet.Tensor([1.0, 2.0], "float32")
    assert one == ortlet.Tensor(np.array([1, 2], np.float32))
    assert one != ortlet.Tensor([1.0, 3.0], "float32")
    assert one != ortlet.Tensor([1.0, 2.0], "float64")
    assert one != ortlet.Tensor([[1.0, 2.0]], "float32")
    assert one != "text" and one is not None


def test_accuracy_crosses_processes():
    accuracy = ortlet.Accuracy(cosine=0.9, min_cosine=0.8, max_absolute_error=0.5)
    assert isinstance(accuracy, dict) and accuracy["mean_cosine"] == 0.9
    for other in copies(accuracy):
        assert other == accuracy and type(other) is type(accuracy)
    measured = ortlet.Accuracy(measure=max, measure_at_least=0.5)
    assert pickle.loads(pickle.dumps(measured)) == measured


def test_options_are_plain_data(fixtures):
    options = {"threads": 1, "providers": ["cpu"], "dims": {"batch": 2}, "config": {}}
    ortlet.Session(fixtures / "linear.onnx", pickle.loads(pickle.dumps(options)))


def test_infos_are_plain_data(fixtures):
    info = ortlet.Session(fixtures / "linear.onnx").inputs[0]
    wanted = {"name": "x", "kind": "tensor", "dtype": "float32", "shape": ["batch", 3]}
    assert json.loads(json.dumps(info.to_dict())) == wanted
    assert (info.name, info.kind, info.dtype, info.shape) == ("x", "tensor", "float32", ("batch", 3))
    assert (info.element, info.key, info.value) == (None, None, None)
    assert "float32[batch, 3]" in str(info)


def unpicklable(fixtures):
    own = ortlet.Session(fixtures / "linear.onnx")
    return {"Session": own, "Binding": own.bind({"x": (1, 3)}), "CancelToken": ortlet.CancelToken()}


@pytest.mark.parametrize("name", ["Session", "Binding", "CancelToken"])
def test_what_cannot_cross_processes_says_so(fixtures, name):
    value = unpicklable(fixtures)[name]
    for protocol in PROTOCOLS:
        with pytest.raises(TypeError, match=name):
            pickle.dumps(value, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(value)


def test_the_errors_of_pickling_help(fixtures):
    for name in ("Session", "Binding"):
        with pytest.raises(TypeError) as caught:
            pickle.dumps(unpicklable(fixtures)[name])
        # Longer than Python's own "cannot pickle 'Session' object".
        assert len(str(caught.value)) > 60, str(caught.value)


def test_ml_dtypes_arrays_that_come_out_cross_processes():
    tensor = ortlet.Tensor(np.arange(4).astype(ml_dtypes.bfloat16))
    assert pickle.loads(pickle.dumps(tensor.numpy())).tolist() == [0, 1, 2, 3]
