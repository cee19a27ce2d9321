"""What can be set, for type checkers. Generated from the Rust sources by `cargo xtask codegen`; do not edit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from .words import KernelPrecision, OptimizationLevel, Profile, QuantizeMode, Threads


class AccuracyDict(TypedDict, total=False):
    """How far the results of a changed model may be off, compared with the original's on the same samples.
    Whatever is `None` is not asked for.

    How similar two outputs are is a number up to 1. Of floats it is the cosine, and at most `1 - r² / 2`,
    where `r` is the error's share of the length, so that a result of the right direction and another length
    is off too. Of integers, texts and the like it is the share of elements that are equal. Outputs of another
    type or shape, and those with NaN or infinities elsewhere, have the similarity 0.
    """

    min_cosine: float | None
    """The least similarity of any output of any sample, up to 1. Default: 0.997."""

    mean_cosine: float | None
    """The least mean of the similarities, up to 1. Default: 0.999."""

    max_absolute_error: float | None
    """The largest difference of any element of any output, in the output's own unit. Default: `None`."""

    top1_agreement: float | None
    """The least share, 0 to 1, of rows (along the last axis) whose largest element is at the same index.
    Default: `None`.
    """


Cache = bool | str | os.PathLike[str] | None
"""Whether and where compiled models are kept between processes.

- `None`: The folder that the environment variable `ORTLET_CACHE` names; without it, no cache.
- `False`: No cache.
- `True`: The platform's folder for caches: `ortlet` in `$XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` or
  `%LOCALAPPDATA%`.
- `str | os.PathLike[str]`: This folder.
"""


class ProviderDict(TypedDict, total=False):
    """An execution provider and its options."""

    name: str
    """Its name: `cpu`, `cuda`, `openvino`, `xnnpack`, ..., in any case, also with `ExecutionProvider` behind
    it.
    """

    options: Mapping[str, str]
    """Its options, as its documentation names them."""


Precision = Literal["original", "auto"] | KernelPrecision | QuantizeMode
"""With what numbers a model computes.

- `"original"`: As the model says.
- `"auto"`: The fastest that was measured on this device and keeps within `SessionOptions.accuracy`: the
  original if nothing else pays. Needs `SessionOptions.samples`.
- `KernelPrecision`: All blocks that Ortlet's own kernels are for, checked but not timed; the others as they
  are.
- `QuantizeMode`: All layers that the mode is for, unmeasured. Needs samples if the mode does.
"""


Samples = str | os.PathLike[str] | None | Iterable[Mapping[str, Any]]
"""Batches of real inputs, to measure with.

- `None`: There are none.
- `str | os.PathLike[str]`: A folder of NumPy archives (`.npz`), each a batch with an array for every input,
  taken in the order of their names.
"""


class RuntimeOptionsDict(TypedDict, total=False):
    """Where to look for ONNX Runtime. The first use in a process decides for all of it.

    Without a `path`, the library named by the environment variable `ORTLET_RUNTIME` is taken; without that,
    the first usable one of: beside the library that contains Ortlet or the program, in `folders`, in a
    pip-installed `onnxruntime`, by the system's loader.
    """

    path: str | os.PathLike[str] | None
    """The library, or the folder that holds it. Nothing else is searched then. Default: `None`."""

    folders: Sequence[str | os.PathLike[str]]
    """Folders that a binding adds to the search, for example that of its package. Default: `[]`."""


class SessionOptionsDict(TypedDict, total=False):
    """How a session is created. Every field has a default; unknown fields are an error when read from JSON.
    """

    threads: Threads
    """Threads that compute one run. Default: `"auto"`."""

    use_plan: bool
    """Whether a session with `threads: auto` follows the plan that `tune` has stored for this model, these
    options and this device. Plans lie in the cache folder and in artifacts. Results may then differ from the
    default's by as much as the plan says, at most the tolerance of the race. Default: `True`.
    """

    profile: Profile
    """What matters most about runs. Default: `"latency"`."""

    providers: Sequence[str | ProviderDict]
    """Execution providers in order of preference; what they cannot run falls to the CPU. Empty means the CPU.
    Default: `[]`.
    """

    dims: Mapping[str, int]
    """Sizes for symbolic dimensions, by name. Fixing them lets the optimiser do more. Default: `{}`."""

    optimization_level: OptimizationLevel
    """How far the graph is rewritten before it runs. Default: `"all"`."""

    config: Mapping[str, str]
    """Raw ONNX Runtime session configuration entries, passed on as they are, over Ortlet's own. Default:
    `{}`.
    """

    external_data_folder: str | os.PathLike[str] | None
    """Folder of the external data of a model that is given as bytes. A model file's is the folder it lies in.
    Default: `None`.
    """

    cache: Cache
    """Whether and where compiled models are kept, so that only the first load of a model optimises it.
    Default: `None`.
    """

    cache_limit_bytes: int
    """The most that the cache folder may hold, in bytes; the least recently used entries go first. Default: 4
    GiB.
    """

    verify: bool
    """Checks all the data of an artifact, not only its structure. Without this, data is checked only if the
    file was changed since it was written. Default: `False`.
    """

    concurrency_limit: int | None
    """The most runs of this session at once; `None` for no bound. Further ones wait in line for
    `concurrency_wait_ms`, then fail with `pool_exhausted`. Default: `None`.
    """

    concurrency_wait_ms: int
    """How long a run waits for others to end, in milliseconds; 0 does not wait. Default: 1000."""

    warm_up_runs: int
    """Runs on zeros made while the session is created, so that the first real one is as fast as the others.
    Dimensions that are not fixed are taken as 1. A model that fails on zeros only makes a warning in the
    report. Default: `0`.
    """

    exact: bool
    """Whether results have to be those of plain ONNX Runtime, to the bit. `false` allows them to differ by
    rounding: then `precision: original` means `fp32`, the same numbers in Ortlet's own kernels, packed ahead
    where the model is cached or compiled. Default: `True`.
    """

    precision: Precision
    """With what numbers the model computes. With anything but `original`, results differ from the original's;
    the report says by how much where samples tell. Default: `"original"`.
    """

    samples: Samples
    """Batches of real inputs, for `precision: auto` and modes that need a calibration. Default: `None`."""

    accuracy: AccuracyDict | dict[str, Any]
    """How far results may be off with `precision: auto`."""

    runtime: RuntimeOptionsDict
    """Where to look for ONNX Runtime, if this is its first use in the process."""


class CalibrateOptionsDict(TypedDict, total=False):
    """How a model is calibrated. Every field has a default; unknown fields are an error when read from JSON.
    """

    session: SessionOptionsDict | dict[str, Any]
    """How the model is run: threads, providers, sizes of dimensions, where its external data and ONNX Runtime
    are. Its other fields are not used.
    """

    max_bytes: int
    """The most bytes of values that are held at once, beyond what a run of the model takes by itself. A
    single value that is larger is held alone. Less memory takes more runs. Default: 64 MiB.
    """


class PrecisionOptionsDict(TypedDict, total=False):
    """How a precision is chosen. Every field has a default; unknown fields are an error when read from JSON.
    """

    session: SessionOptionsDict | dict[str, Any]
    """The options that sessions will be loaded with: `precision`, `samples` and `accuracy` say what is asked
    for, `threads` and `profile` how runs are timed.
    """

    time_limit_ms: int
    """How long the choice may take, in milliseconds. What was not tried by then is left out; what is needed
    for any answer is always done. Default: 300,000.
    """

    seed: int
    """Decides how samples are divided and in which order candidates run. Default: 0."""


class RangeMethodDict(TypedDict, total=False):
    """How a tensor's range is chosen. Whatever lies outside of it is cut off, so that the rest gets smaller
    steps.
    """

    method: Literal["min_max", "percentile", "mean_squared_error", "entropy"]
    """One of these:
    - `"min_max"`: The smallest and the largest value: nothing is cut off.
    - `"percentile"`: Cuts off equally many of the smallest and of the largest values.
    - `"mean_squared_error"`: The range whose codes are nearest to the values, by the mean of the squared
      differences.
    - `"entropy"`: The range whose codes lose the least information about how the values are distributed, by
      Kullback-Leibler divergence. Source: S. Migacz, "8-bit Inference with TensorRT", GTC 2017.
    """

    percent: float
    """How many of all values to keep, in percent: 50 to 100. Only with `"percentile"`."""


class QuantizeOptionsDict(TypedDict, total=False):
    """How `quantize` goes about it."""

    exclude: Sequence[str]
    """Nodes to leave as they are, by name, or by their first output if they have none. Default: `[]`."""

    layers: Mapping[str, QuantizeMode]
    """Nodes, named likewise, that get another form than the mode says. Default: `{}`."""

    reduce_range: bool | None
    """Weights so small that two products with an activation of 8 bits never add up to more than 16 bits hold:
    x86 processors without VNNI saturate there. Weights of products are scaled by the largest sum of two
    neighbours, those of `int8-static` have 7 bits, from -64 to 64. `None` asks the processor that this runs
    on. Default: `None`.
    """

    min_weight_elements: int
    """Weights with fewer elements than this stay as they are: they are not worth the work on the activations.
    Default: `1024`.
    """

    embeddings: bool
    """Also quantize the constant tables of `Gather`, with a scale for each row. This saves memory, not time.
    Default: `True`.
    """

    standard_operators: bool
    """Use operators of the ONNX standard only (`DynamicQuantizeLinear`, `MatMulInteger`, from operator set 11
    on) instead of ONNX Runtime's `com.microsoft.DynamicQuantizeMatMul`, which works with any. Default:
    `False`.
    """

    range_method: RangeMethodDict
    """How the ranges of activations are chosen from a calibration. Default: `{"method":
    "mean_squared_error"}`.
    """

    outlier_channels: int
    """The most channels of a layer's activations that stay floats in `int8-dynamic`, where a calibration
    shows that they are much larger than the others; 0 turns this off. Default: `4`.
    """

    block_size: int
    """Weights that share a scale in `weights-8` and `weights-4`: 16, 32, 64, 128 or 256. Default: `32`."""


class TuneOptionsDict(TypedDict, total=False):
    """How a model is tuned. Every field has a default; unknown fields are an error when read from JSON."""

    session: SessionOptionsDict | dict[str, Any]
    """The options that sessions will be loaded with: the default that candidates have to beat. `threads` has
    to be `auto`. Their `cache` is where the plan is kept.
    """

    concurrency: int
    """Callers that run the model at once. Default: 1."""

    time_limit_ms: int
    """How long the race may take, in milliseconds. What is under way then is ended; only the creation of a
    session and the first runs of the default are always waited for. Default: 20,000.
    """

    tolerance: float
    """By how much outputs may differ from the default's: a share of the largest magnitude in an output.
    Integers, texts and the like have to be equal in any case. Default: 0.001.
    """

    fix_dims: bool
    """Whether sizes of symbolic dimensions, where all samples have the same, may be fixed. A session that
    follows such a plan refuses inputs of other sizes, so this is for programs that never have any. Default:
    `False`.
    """

    seed: int
    """Decides the order in which candidates run. Default: 0."""
