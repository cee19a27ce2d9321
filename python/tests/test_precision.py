"""Precisions of Ortlet's own kernels from Python: asked for by name, reported on, within what they are for."""

import numpy as np
import ortlet
import pytest

ROWS = [{"x": np.random.default_rng(seed).standard_normal((1, 32)).astype(np.float32)} for seed in range(8)]
# How far each may be off, as a share of the largest result.
LIMITS = {"fp32": 1e-5, "fp16": 1e-2, "bf16": 5e-2, "int8": 1e-1}


@pytest.fixture
def dense(fixtures):
    return fixtures / "dense.onnx"


def results(session):
    return [next(iter(session.run(row).values())) for row in ROWS]


@pytest.mark.parametrize("precision", LIMITS)
def test_a_precision_is_asked_for_by_name(dense, precision):
    plain = results(ortlet.Session(dense))
    session = ortlet.Session(dense, precision=precision)
    report = session.report().precision
    assert (report.precision, report.chosen, report.needs_ortlet) == (precision, precision, True)
    assert report.blocks and report.accuracy is None
    for block in report.blocks:
        assert isinstance(block, ortlet.reports.PrecisionBlock)
        assert (block.precision, block.reason) == (precision, None)
        assert block.similarity > 0.9
    for expected, found in zip(plain, results(session), strict=True):
        assert np.abs(expected - found).max() <= LIMITS[precision] * np.abs(expected).max()


def test_results_that_need_not_be_exact_are_those_of_fp32(dense):
    inexact = ortlet.Session(dense, exact=False)
    assert inexact.report().precision.chosen == "fp32"
    for expected, found in zip(results(ortlet.Session(dense, precision="fp32")), results(inexact), strict=True):
        np.testing.assert_array_equal(expected, found)
    exact = ortlet.Session(dense, exact=True)
    assert exact.report().precision is None
    for expected, found in zip(results(ortlet.Session(dense)), results(exact), strict=True):
        np.testing.assert_array_equal(expected, found)


def test_samples_hold_it_to_the_budget(dense):
    loose = {"min_cosine": 0.9, "mean_cosine": 0.9}
    session = ortlet.Session(dense, precision="int8", samples=ROWS, accuracy=loose)
    figures = session.report().precision.accuracy
    assert 0.9 <= figures.min_cosine <= figures.mean_cosine <= 1.0
    strict = {"min_cosine": None, "mean_cosine": None, "max_absolute_error": 0.0}
    with pytest.raises(ortlet.AccuracyBudget, match="maximum absolute error"):
        ortlet.Session(dense, precision="int8", samples=ROWS, accuracy=strict)


def test_a_compiled_model_carries_the_report(dense, tmp_path):
    artifact = tmp_path / "model.ortlet"
    compiled = ortlet.compile(dense, artifact, precision="bf16")
    session = ortlet.Session(artifact)
    assert session.report().origin == "artifact_device"
    assert session.report().precision == compiled.precision
    assert compiled.precision.needs_ortlet


def test_names_that_do_not_exist_are_refused(dense):
    with pytest.raises(ortlet.InvalidArgument, match="int7"):
        ortlet.Session(dense, precision="int7")
