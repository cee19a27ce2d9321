"""What all tests share: where runtime, models and data lie. What ends a test that hangs is set in `pyproject.toml`."""

import os
from pathlib import Path

import pytest

# No test may find models that another run has compiled. Has to be gone before Ortlet is used.
os.environ.pop("ORTLET_CACHE", None)

REPOSITORY = Path(__file__).resolve().parents[2]


def pytest_configure(config):
    """A test that hangs has to end, and to tell where each thread was, or nobody learns of it."""
    if not float(config.getini("faulthandler_timeout") or 0):
        raise pytest.UsageError("`faulthandler_timeout` is not set: run pytest with python/pyproject.toml")


def setting(name):
    """What `cargo xtask test` says in the environment."""
    value = os.environ.get(name)
    if not value:
        pytest.fail(f"{name} is not set; run the tests by `cargo xtask test`", pytrace=False)
    return value


@pytest.fixture(scope="session", autouse=True)
def runtime():
    """The ONNX Runtime library that all tests use."""
    return Path(setting("ORTLET_RUNTIME"))


@pytest.fixture(scope="session")
def models():
    """The folder of real models."""
    return Path(setting("ORTLET_TEST_MODELS"))


@pytest.fixture(scope="session")
def onnx_data():
    """The folder of the ONNX project's own tests."""
    return Path(setting("ORTLET_TEST_ONNX")) / "backend" / "test" / "data"


@pytest.fixture(scope="session")
def fixtures():
    """The folder of the conformance suite's small models."""
    return REPOSITORY / "tests" / "conformance" / "fixtures"
