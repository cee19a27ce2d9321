"""What is written in Rust."""

import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, SupportsIndex, final

from typing_extensions import Buffer, Self, Unpack

from ._options import SessionOptions
from ._results import PrecisionChoice, Quantized
from .options import Cache, CalibrateOptionsDict, QuantizeOptionsDict, RuntimeOptionsDict, SessionOptionsDict, TuneOptionsDict
from .reports import (
    CacheEntry,
    CompileReport,
    DoctorReport,
    MetricsReport,
    ModelReport,
    OperatorProfile,
    Plan,
    RuntimeSummary,
    SessionReport,
)
from .words import DType, QuantizeMode

__all__ = [
    "Binding",
    "BoundTensors",
    "Calibration",
    "CancelToken",
    "Model",
    "Session",
    "Tensor",
    "ValueInfo",
    "__version__",
    "cache_clear",
    "cache_entries",
    "calibrate",
    "check_session_options",
    "choose_precision",
    "compile",
    "doctor",
    "load_runtime",
    "metrics_text",
    "profile",
    "quantize",
    "register_provider_library",
    "run_program",
    "tune",
]

__version__: str

_Path = str | os.PathLike[str]
# Arrays, buffers, DLPack, lists: what a tensor is read from, no type of Python's says.
_Inputs = Mapping[str, Any]
_Samples = _Path | Iterable[_Inputs]
_Progress = Callable[[Any], object] | bool | None
_Seconds = float | timedelta

@final
class Session:
    """A model that is ready to run. Any number of threads and tasks may run it at once.

    It computes what plain ONNX Runtime computes with the same settings, unless another `precision` is asked for.
    """

    def __new__(
        cls,
        model: _Path | Buffer | Model,
        options: SessionOptions | SessionOptionsDict | None = None,
        *,
        time_limit_ms: int | None = None,
        seed: int | None = None,
        cancel: CancelToken | None = None,
        progress: _Progress = None,
        **session_options: Unpack[SessionOptionsDict],
    ) -> Self:
        """Loads a model: an ONNX file, one in ORT format, what `compile` made, the bytes of one, or a `Model`.

        Options are given as a whole, by themselves, or both; those by themselves win. With a `precision` that has to be
        measured the first load takes long: `time_limit_ms` and `seed` are for the choice, `progress` is told how it goes
        (by default a bar on a terminal; `False` for nothing), and `cancel` or Ctrl-C ends it.

        Raises `NotFound`, `Io`, `InvalidModel`, `Integrity`, `LimitExceeded`, `InvalidArgument`, `Unsupported`,
        `RuntimeNotFound`, `RuntimeIncompatible`, `RuntimeFailed`, `AccuracyBudget`, `Cancelled`.
        """

    @property
    def inputs(self) -> tuple[ValueInfo, ...]:
        """Names and types of the inputs that a run needs."""

    @property
    def outputs(self) -> tuple[ValueInfo, ...]:
        """Names and types of the outputs."""

    @property
    def overridable_initializers(self) -> tuple[ValueInfo, ...]:
        """Initializers that a run may replace by giving an input of that name."""

    def run(
        self,
        inputs: _Inputs,
        outputs: Sequence[str] | None = None,
        *,
        deadline: _Seconds | None = None,
        cancel: CancelToken | None = None,
    ) -> dict[str, Any]:
        """Runs the model and gives its outputs by name: arrays of NumPy's, or `Tensor`s if the program does not use NumPy.

        An input is an array of NumPy's, a `Tensor`, or anything with the buffer protocol, DLPack or
        `__array_interface__`: memory in row-major order is not copied, and must not change during the run. Numbers, texts
        and lists of them become tensors of the declared type. Sequences are lists, maps are dicts, an optional that holds
        nothing is `None`. A program that has not imported NumPy gets `Tensor`s, which anything of NumPy's takes; types that
        neither NumPy nor `ml_dtypes` has are always `Tensor`s.

        `outputs` chooses some, in that order. `deadline` is in seconds from the call on, or a `timedelta`.

        Raises `NotFound`, `TensorMismatch`, `InvalidArgument`, `Unsupported`, `RuntimeFailed`, `DeadlineExceeded`,
        `Cancelled`, `PoolExhausted`. Other threads of Python go on during the run.
        """

    def run_async(
        self,
        inputs: _Inputs,
        outputs: Sequence[str] | None = None,
        *,
        deadline: _Seconds | None = None,
        cancel: CancelToken | None = None,
    ) -> Coroutine[Any, Any, dict[str, Any]]:
        """As `run`, on another thread, to be awaited in asyncio. Cancelling the task cancels the run.

        Inputs must not change until the run is over. The process runs as many of these at once as suits its cores.
        """

    def _start(
        self,
        inputs: _Inputs,
        outputs: Sequence[str] | None,
        deadline: _Seconds | None,
        cancel: CancelToken | None,
        done: Callable[[dict[str, Any] | None, BaseException | None], object],
    ) -> _Run: ...
    def bind(
        self,
        shapes: Mapping[str, int | Sequence[int] | Any] | None = None,
        *,
        ties: Mapping[str, str] | None = None,
    ) -> Binding:
        """Fixed memory for inputs and outputs, prepared once for many runs.

        `shapes` says for inputs, and if wanted for outputs, a shape, or gives an array that runs then read or write in
        place; inputs whose shape the model fixes need none. `ties` are from outputs to inputs: each run's output is the
        next run's input, without a copy, and zeros before the first.

        Raises `NotFound`, `InvalidArgument`, `TensorMismatch`, `Unsupported`, `LimitExceeded`.
        """

    def report(self) -> SessionReport:
        """How the session came to be: where the model came from, where the time went, what memory it takes."""

    def metrics(self) -> MetricsReport:
        """Counts and latencies of the session's runs since it was loaded."""

    def close(self) -> None:
        """Gives back what the session holds, once runs under way and bindings have ended. Using it then is an error."""

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, *_exception: type[BaseException] | BaseException | TracebackType | None
    ) -> None: ...
    def _repr_html_(self) -> str | None: ...

@final
class _Run:
    def cancel(self) -> None: ...

@final
class Binding:
    """A session's inputs and outputs in fixed memory; made by `Session.bind`. Used by one thread at a time.

    Fill `inputs`, call `run`, read `outputs`:

        call = session.bind({"image": (1, 3, 224, 224)})
        call.inputs["image"][:] = image
        scores = call.run()["scores"]
    """

    @property
    def inputs(self) -> BoundTensors:
        """The inputs' memory, as arrays to be filled. Of a tied input, what the next run will read."""

    @property
    def outputs(self) -> BoundTensors:
        """The outputs of the last run. Where their shapes are known, they are in memory that the next run overwrites."""

    def run(self, *, deadline: _Seconds | None = None, cancel: CancelToken | None = None) -> BoundTensors:
        """Runs the model on the inputs' present contents; gives `outputs`.

        Raises `RuntimeFailed`, `DeadlineExceeded`, `Cancelled`, `PoolExhausted`; `InvalidArgument` if another thread uses
        the binding.
        """

@final
class BoundTensors(Mapping[str, Any]):
    """The arrays of a binding by name.

    Elements of less than a byte, and types that neither NumPy nor `ml_dtypes` has, come as copies that cannot be written:
    those inputs are written whole, `call.inputs["x"] = values`.
    """

    def __getitem__(self, name: str, /) -> Any: ...
    def __setitem__(self, name: str, value: Any, /) -> None:
        """Writes an input, or into an output's memory."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def get(self, name: str, default: Any = None, /) -> Any:
        """The array of this name, or `default` if there is none."""

@final
class CancelToken:
    """Ends the runs and other work that it was given to, from any thread. Once cancelled, it stays so."""

    def __new__(cls) -> Self: ...
    def cancel(self) -> None:
        """Ends what was given the token, each run before its next operator. Returns at once."""

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""

@final
class ValueInfo:
    """The name and declared type of an input or output, or of what is in one."""

    @property
    def name(self) -> str | None:
        """Its name; `None` for what is in a sequence, map or optional."""

    @property
    def kind(self) -> Literal["tensor", "sequence", "map", "optional", "sparse_tensor", "opaque", "unknown"]:
        """What it is. The last three cannot be run."""

    @property
    def dtype(self) -> DType | None:
        """The element type of a tensor; `None` for other kinds."""

    @property
    def shape(self) -> tuple[int | str | None, ...] | None:
        """The dimensions of a tensor: sizes, names of sizes, and `None` for any size. `None` if their number is open."""

    @property
    def element(self) -> ValueInfo | None:
        """What a sequence or optional holds."""

    @property
    def key(self) -> DType | None:
        """The type of a map's keys."""

    @property
    def value(self) -> ValueInfo | None:
        """What a map's values are."""

    def to_dict(self) -> dict[str, Any]:
        """The same as a dict, as every language of Ortlet's shows it."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Tensor:
    """A tensor of any element type, also of those that NumPy lacks. It never changes.

    NumPy reads it by `__array_interface__` and `__array__`, other libraries by DLPack.
    """

    def __new__(
        cls, data: Any, dtype: DType | None = None, shape: Sequence[SupportsIndex] | None = None
    ) -> Self:
        """A copy of an array, of anything that `Session.run` takes as one, or of nested lists, which need a `dtype`.

        `bytes` with a `dtype` are raw memory in row-major order; elements of less than a byte are packed, the first in the
        lowest bits. `shape` is for bytes, or gives the elements other dimensions.

        Raises `TensorMismatch`, `NotFound`, `Unsupported`, `InvalidArgument`.
        """

    @property
    def dtype(self) -> DType:
        """The element type."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The dimensions, outermost first."""

    def tolist(self) -> Any:
        """The elements as nested lists; a number or text if there are no dimensions."""

    def tobytes(self) -> bytes:
        """The raw elements in row-major order; those of less than a byte are packed, the first in the lowest bits."""

    def item(self) -> Any:
        """The only element, as Python's own."""

    def numpy(self) -> Any:
        """The tensor as an array of NumPy's, which shares its memory and cannot be written; texts are copied.

        Raises `ImportError` if the package that has the type, `numpy` or `ml_dtypes`, is not there.
        """

    @property
    def __array_interface__(self) -> dict[str, Any]: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any: ...
    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, key: Any, /) -> Any: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Model:
    """An ONNX model: to be looked at, quantized, saved, run."""

    @staticmethod
    def open(path: _Path) -> Model:
        """Reads a model file in ONNX format. External data stays where it is.

        Raises `NotFound`, `Io`, `InvalidModel`, `LimitExceeded`.
        """

    @staticmethod
    def parse(data: Buffer) -> Model:
        """Reads a model in ONNX format from memory."""

    def report(self) -> ModelReport:
        """What is inside: inputs, outputs, operators, sizes, quantization."""

    def save(self, path: _Path) -> None:
        """Writes the model to a file, whole or not at all."""

    def to_bytes(self) -> bytes:
        """The model as the bytes of an ONNX file."""

    def _repr_html_(self) -> str: ...

@final
class Calibration:
    """What values the tensors of a model take; made by `calibrate`."""

    @property
    def sample_count(self) -> int:
        """Samples that were seen."""

def quantize(
    model: _Path | Buffer | Model,
    mode: QuantizeMode = "int8-dynamic",
    *,
    calibration: Calibration | None = None,
    **quantize_options: Unpack[QuantizeOptionsDict],
) -> Quantized:
    """Quantizes all layers that the mode is for; gives the model and a report on each layer.

    `int8-static` needs a `calibration`. Nothing is measured: see `choose_precision`.
    """

def calibrate(
    model: _Path | Buffer | Model,
    samples: _Samples,
    *,
    cancel: CancelToken | None = None,
    progress: _Progress = None,
    **calibrate_options: Unpack[CalibrateOptionsDict],
) -> Calibration:
    """Runs the model on samples of real inputs and keeps what values its tensors take, for `quantize`.

    `samples` are dicts of inputs, or a folder of `.npz` files.
    """

def choose_precision(
    model: _Path,
    *,
    time_limit_ms: int | None = None,
    seed: int | None = None,
    cancel: CancelToken | None = None,
    progress: _Progress = None,
    **session_options: Unpack[SessionOptionsDict],
) -> PrecisionChoice:
    """Finds out with what numbers the model is fastest on this device within the accuracy asked for.

    Needs `precision="auto"` and `samples`; the original stays if nothing else pays. The report says what was tried.
    """

def compile(
    model: _Path,
    artifact: _Path,
    *,
    time_limit_ms: int | None = None,
    seed: int | None = None,
    cancel: CancelToken | None = None,
    progress: _Progress = None,
    **session_options: Unpack[SessionOptionsDict],
) -> CompileReport:
    """Compiles a model for this device into a file that `Session` loads in milliseconds, and that runs everywhere."""

def tune(
    model: _Path,
    samples: Iterable[_Inputs],
    *,
    cancel: CancelToken | None = None,
    progress: _Progress = None,
    **tune_options: Unpack[TuneOptionsDict],
) -> Plan:
    """Races threads, graph optimizations and execution providers on samples of real inputs.

    The winner is kept as the plan that later loads follow.
    """

def profile(
    model: _Path, inputs: _Inputs, *, run_count: int = 10, **session_options: Unpack[SessionOptionsDict]
) -> OperatorProfile:
    """Runs the model with ONNX Runtime's profiling on and says where the time goes, by operator and by node."""

def doctor(runtime: RuntimeOptionsDict | None = None) -> DoctorReport:
    """Which ONNX Runtime there is, which CPU, and what is missing. A missing library is told in the report."""

def metrics_text(sessions: Mapping[str, Session]) -> str:
    """The metrics of sessions, by names that become the label `session`, as OpenMetrics text."""

def cache_entries(cache: Cache = None) -> list[CacheEntry]:
    """The compiled models and plans in a cache folder. `cache` is what a session's option of that name may be."""

def cache_clear(cache: Cache = None) -> list[CacheEntry]:
    """Removes every compiled model and plan from a cache folder, and nothing else; gives what was removed."""

def load_runtime(runtime: RuntimeOptionsDict | None = None) -> RuntimeSummary: ...
def register_provider_library(name: str, path: _Path) -> None:
    """Adds the execution providers of a plug-in library, under a name of the caller's choice."""

def check_session_options(options: Mapping[str, Any]) -> None: ...
def run_program(arguments: Sequence[str]) -> int: ...
