"""Long work from Python: who is told how it goes, functions of the caller's in it, and what ends it."""

import sys
import threading
import time

import numpy as np
import ortlet
import pytest

LONGEST_S = 60
ROWS = [{"x": np.random.default_rng(seed).standard_normal((1, 32)).astype(np.float32)} for seed in range(8)]


class Mine(Exception):
    """An exception of the caller's own code."""


@pytest.fixture
def dense(fixtures):
    return fixtures / "dense.onnx"


def tools(dense, tmp_path):
    """Each way to do long work, as a function of its keyword arguments."""
    chosen = {"precision": "auto", "samples": ROWS, "time_limit_ms": 2_000, "threads": 1}
    return {
        "calibrate": lambda **given: ortlet.calibrate(ortlet.Model.open(dense), ROWS, **given),
        "tune": lambda **given: ortlet.tune(dense, ROWS[:1], time_limit_ms=300, **given),
        "choose-precision": lambda **given: ortlet.choose_precision(dense, **chosen, **given),
        "load": lambda **given: ortlet.Session(dense, **chosen, **given),
        "compile": lambda **given: ortlet.compile(dense, tmp_path / "model.ortlet", **chosen, **given),
    }


TOOLS = ["calibrate", "tune", "choose-precision", "load", "compile"]


@pytest.mark.parametrize("tool", TOOLS)
def test_progress_is_told(dense, tmp_path, tool):
    told = []
    tools(dense, tmp_path)[tool](progress=told.append)
    assert told and all(isinstance(report, ortlet.reports.Report) for report in told)
    times = [report.elapsed_ns for report in told]
    assert times == sorted(times) and times[0] >= 0


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_is_written_unless_it_is_wanted(dense, tmp_path, tool, capfd):
    for progress in (None, False):
        tools(dense, tmp_path)[tool](progress=progress)
    assert capfd.readouterr() == ("", "")
    tools(dense, tmp_path)[tool](progress=True)
    written = capfd.readouterr()
    assert written.out == "" and "\r" in written.err


@pytest.mark.parametrize("tool", TOOLS)
def test_an_exception_of_the_progress_function_ends_the_work(dense, tmp_path, tool):
    calls = []

    def fail(report):
        calls.append(report)
        raise Mine("mine")

    with pytest.raises(Mine, match="mine"):
        tools(dense, tmp_path)[tool](progress=fail)
    # Work on several threads may tell once more before it ends.
    assert 1 <= len(calls) <= 3
    assert not (tmp_path / "model.ortlet").exists()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_token_ends_the_work(dense, tmp_path, tool):
    token = ortlet.CancelToken()
    with pytest.raises(ortlet.Cancelled):
        tools(dense, tmp_path)[tool](progress=lambda _: token.cancel(), cancel=token)
    with pytest.raises(ortlet.Cancelled):
        tools(dense, tmp_path)[tool](cancel=token)


@pytest.mark.parametrize("tool", TOOLS)
def test_progress_that_is_no_function(dense, tmp_path, tool):
    for progress in (5, "bar", []):
        with pytest.raises((TypeError, ortlet.InvalidArgument)):
            tools(dense, tmp_path)[tool](progress=progress)


@pytest.mark.parametrize("tool", TOOLS)
def test_options_that_do_not_exist(dense, tmp_path, tool):
    with pytest.raises(ortlet.InvalidArgument, match="treads") as caught:
        tools(dense, tmp_path)[tool](treads=1)
    assert caught.value.details["argument"] == "options"


def samples_that_fail():
    yield ROWS[0]
    raise Mine("in the samples")


def test_samples_are_any_iterable(dense):
    model = ortlet.Model.open(dense)
    kinds = [ROWS, tuple(ROWS), iter(ROWS), (row for row in ROWS), map(dict, ROWS)]
    assert [ortlet.calibrate(model, kind).sample_count for kind in kinds] == [8] * 5
    with pytest.raises(Mine):
        ortlet.calibrate(model, samples_that_fail())
    for wrong in (5, None, [5], [ROWS], {"x": 1}):
        with pytest.raises((TypeError, ortlet.Error)):
            ortlet.calibrate(model, wrong)


def test_samples_are_kept_as_they_were(dense):
    """A generator may fill the same array again and again."""
    array = np.empty((1, 32), np.float32)

    def refill():
        for row in ROWS:
            array[...] = row["x"]
            yield {"x": array}

    model = ortlet.Model.open(dense)
    reports = [
        ortlet.quantize(model, "int8-static", calibration=ortlet.calibrate(model, samples))
        for samples in (ROWS, refill(), [{"x": row["x"].copy()} for row in ROWS])
    ]
    first, refilled, copied = (quantized.model.to_bytes() for quantized in reports)
    assert first == copied
    assert first == refilled


def test_a_measure_of_the_callers(dense):
    seen = []

    def worst(reference, candidate):
        assert reference.keys() == candidate.keys() == {"y"}
        seen.append(float(np.abs(np.asarray(reference["y"]) - np.asarray(candidate["y"])).max()))
        return -seen[-1]

    accuracy = ortlet.Accuracy(measure=worst, measure_at_least=-1e9)
    ortlet.choose_precision(dense, precision="int8-static", samples=ROWS, accuracy=accuracy)
    assert seen
    strict = ortlet.Accuracy(measure=worst, measure_at_least=0.5)
    with pytest.raises(ortlet.AccuracyBudget):
        ortlet.choose_precision(dense, precision="int8-static", samples=ROWS, accuracy=strict)


@pytest.mark.parametrize("result", [Mine(), "good", None, float("nan")])
def test_a_measure_that_fails(dense, result):
    def measure(_, __):
        if isinstance(result, Exception):
            raise result
        return result

    accuracy = ortlet.Accuracy(measure=measure, measure_at_least=0.0)
    with pytest.raises((Mine, TypeError, ortlet.AccuracyBudget)):
        ortlet.choose_precision(dense, precision="int8-static", samples=ROWS, accuracy=accuracy)


def test_other_threads_go_on_while_a_tool_works(dense, tmp_path):
    counts, is_over = [0], threading.Event()

    def count():
        while not is_over.is_set():
            counts[0] += 1
            time.sleep(0)

    interval = sys.getswitchinterval()
    # Now the other thread goes on only where this one lets it.
    sys.setswitchinterval(1_000)
    thread = threading.Thread(target=count)
    thread.start()
    try:
        for name, tool in tools(dense, tmp_path).items():
            before, end = counts[0], time.monotonic() + LONGEST_S
            # One that takes microseconds may be over before the system has woken the other thread.
            while counts[0] == before and time.monotonic() < end:
                tool()
            assert counts[0] > before, name
    finally:
        sys.setswitchinterval(interval)
        is_over.set()
        thread.join()


def test_pairs_have_names(dense):
    quantized = ortlet.quantize(dense)
    model, report = quantized
    assert (quantized.model, quantized.report) == (model, report) and report.quantized_count == 1
    assert (quantized[0], quantized[-1], len(quantized)) == (model, report, 2)
    assert isinstance(model, ortlet.Model) and isinstance(report, ortlet.reports.Report)
    choice = ortlet.choose_precision(dense, precision="weights-8")
    assert isinstance(choice.model, ortlet.Model) and tuple(choice) == (choice.model, choice.report)


def test_a_model_is_saved_as_it_is(dense, tmp_path):
    model = ortlet.Model.open(dense)
    model.save(tmp_path / "copy.onnx")
    assert (tmp_path / "copy.onnx").read_bytes() == dense.read_bytes() == model.to_bytes()
    sources = (dense, model, model.to_bytes(), tmp_path / "copy.onnx")
    outputs = [ortlet.Session(source).run(ROWS[0])["y"] for source in sources]
    assert all(np.array_equal(outputs[0], other) for other in outputs)


def test_a_cache_is_filled_listed_and_cleared(dense, tmp_path):
    ortlet.Session(dense, cache=tmp_path).close()
    (entry,) = ortlet.cache_entries(tmp_path)
    assert isinstance(entry, ortlet.reports.Report)
    assert ortlet.Session(dense, cache=tmp_path).report().origin == "artifact_device"
    assert ortlet.cache_clear(tmp_path) == [entry]
    assert ortlet.cache_entries(tmp_path) == []
