"""Errors: one root, a class for each code that is also the builtin one that a caller would catch."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


# What `errno.ENOENT` is on every system.
_NO_SUCH_FILE = 2


class Error(Exception):
    """Whatever goes wrong in Ortlet. The text says what and where."""

    code: str = "internal"
    """The error's code, the same in every language: `tensor_mismatch`, `not_found`, ..."""

    message: str
    """What went wrong and where."""

    details: dict[str, Any]
    """The facts: the fields of this kind of error, with `code` and `message`."""

    def __init__(self, message: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = {"code": self.code, "message": message} if details is None else details

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[Error], tuple[str, dict[str, Any]]]:
        return type(self), (self.message, self.details)


class InvalidArgument(Error, ValueError):
    """An argument or option has a value that can never work."""

    code = "invalid_argument"


class InvalidModel(Error, ValueError):
    """The model is damaged, hostile or no model."""

    code = "invalid_model"


class Unsupported(Error, NotImplementedError):
    """The model or call needs something that this build, ONNX Runtime or device does not have."""

    code = "unsupported"


class TensorMismatch(Error, ValueError):
    """A tensor has another type or shape than it has to have."""

    code = "tensor_mismatch"


class NotFound(Error, FileNotFoundError, LookupError):
    """A file, input, output or execution provider of that name does not exist."""

    code = "not_found"

    def __init__(self, message: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message, details)
        if self.details.get("what") == "file":
            self.errno = _NO_SUCH_FILE
            self.filename = self.details.get("name")


class Io(Error, OSError):
    """The operating system refused to read or write."""

    code = "io"

    def __init__(self, message: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message, details)
        self.errno = self.details.get("os_code")
        self.filename = self.details.get("path")


class RuntimeNotFound(Error, ImportError):
    """No ONNX Runtime library was found; `details["searched"]` lists every place that was looked at."""

    code = "runtime_not_found"


class RuntimeIncompatible(Error, ImportError):
    """The ONNX Runtime library that was found cannot be used."""

    code = "runtime_incompatible"


class RuntimeFailed(Error, RuntimeError):
    """ONNX Runtime reported a failure."""

    code = "runtime_failed"


class DeadlineExceeded(Error, TimeoutError):
    """The run did not finish within its deadline."""

    code = "deadline_exceeded"


class Cancelled(Error):
    """The caller cancelled the operation."""

    code = "cancelled"


class PoolExhausted(Error, RuntimeError):
    """As many runs as are allowed were under way for too long."""

    code = "pool_exhausted"


class Integrity(Error, ValueError):
    """Stored bytes are damaged or not what they claim to be."""

    code = "integrity"


class AccuracyBudget(Error, ArithmeticError):
    """No candidate stays within the accuracy that was asked for."""

    code = "accuracy_budget"


class LimitExceeded(Error, MemoryError):
    """A bound that protects the process would be passed."""

    code = "limit_exceeded"


class Internal(Error, RuntimeError):
    """A bug in Ortlet."""

    code = "internal"


_BY_CODE: dict[str, type[Error]] = {kind.code: kind for kind in Error.__subclasses__()}


def of(code: str, message: str, details: dict[str, Any]) -> Error:
    """The error of this code; of one that a newer library has, the root."""
    return _BY_CODE.get(code, Error)(message, details)
