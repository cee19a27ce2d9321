"""Run ONNX models on the device, with latency you can plan on.

    with ortlet.Session("model.onnx") as session:
        outputs = session.run({"image": image})

Importing this loads neither NumPy nor ONNX Runtime; the first session loads ONNX Runtime. Outputs are arrays of NumPy's in
programs that have imported NumPy, and `ortlet.Tensor`s in others.
"""

# What `collections.abc` is, without the rest of `collections`.
from _collections_abc import Mapping

from . import errors, runtime
from ._options import Accuracy, SessionOptions
from ._ortlet import (
    Binding,
    Calibration,
    CancelToken,
    Model,
    Session,
    Tensor,
    ValueInfo,
    __version__,
    cache_clear,
    cache_entries,
    calibrate,
    choose_precision,
    compile,
    doctor,
    metrics_text,
    profile,
    quantize,
    tune,
)
from ._ortlet import BoundTensors as _BoundTensors
from ._results import PrecisionChoice, Quantized
from .errors import (
    AccuracyBudget,
    Cancelled,
    DeadlineExceeded,
    Error,
    Integrity,
    Internal,
    InvalidArgument,
    InvalidModel,
    Io,
    LimitExceeded,
    NotFound,
    PoolExhausted,
    RuntimeFailed,
    RuntimeIncompatible,
    RuntimeNotFound,
    TensorMismatch,
    Unsupported,
)

__all__ = [
    "Accuracy",
    "AccuracyBudget",
    "Binding",
    "Calibration",
    "CancelToken",
    "Cancelled",
    "DeadlineExceeded",
    "Error",
    "Integrity",
    "Internal",
    "InvalidArgument",
    "InvalidModel",
    "Io",
    "LimitExceeded",
    "Model",
    "NotFound",
    "PoolExhausted",
    "PrecisionChoice",
    "Quantized",
    "RuntimeFailed",
    "RuntimeIncompatible",
    "RuntimeNotFound",
    "Session",
    "SessionOptions",
    "Tensor",
    "TensorMismatch",
    "Unsupported",
    "ValueInfo",
    "__version__",
    "cache_clear",
    "cache_entries",
    "calibrate",
    "choose_precision",
    "compile",
    "doctor",
    "errors",
    "metrics_text",
    "profile",
    "quantize",
    "runtime",
    "tune",
]


Mapping.register(_BoundTensors)


def __getattr__(name: str) -> object:
    # Both are large and seldom asked for by name.
    if name in ("options", "reports"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
