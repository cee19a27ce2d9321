"""The classes of reports. Generated from the Rust sources by `cargo xtask codegen`; do not edit."""

from __future__ import annotations

from ._report import Report as Report

# Known to type checkers as true. `typing` itself would make the start of every program slower.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from .words import (
        BlockKind,
        CacheEntryKind,
        CacheOutcome,
        QuantizeMode,
        RewriteKind,
        KernelPrecision,
        DType,
        Dim,
        SymbolicShape,
        QuantizationKind,
        OptimizationLevel,
        Origin,
        Profile,
        Threads,
        PlanOutcome,
    )


class Accuracy(Report):
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
    """The largest difference of any element of any output, in the output's own unit."""

    top1_agreement: float | None
    """The least share, 0 to 1, of rows (along the last axis) whose largest element is at the same index."""


class AccuracyFigures(Report):
    """How far results were off. The figures are those of `Accuracy`."""

    sample_count: int
    """Samples that were compared."""

    min_cosine: float
    """The least similarity of any output of any sample."""

    mean_cosine: float
    """The mean of the similarities."""

    max_absolute_error: float
    """The largest difference of any two finite elements; 0 if no output is of floats."""

    top1_agreement: float | None
    """The share of rows whose largest element is at the same index; `None` if no output has rows of several
    floats.
    """

    measure: float | None
    """The mean of the caller's own measure; `None` if there is none."""


class Bucket(Report):
    """One bucket: how many latencies lay within its borders."""

    low_ns: int
    """The smallest latency that belongs here, in nanoseconds."""

    high_ns: int
    """The largest latency that belongs here, in nanoseconds."""

    count: int
    """How many there were."""


class CacheEntry(Report):
    """A compiled model or a plan in a cache folder."""

    kind: CacheEntryKind
    """What it is."""

    key: str
    """The entry's name: a digest of everything it depends on."""

    path: str
    """Its file."""

    model: str | None
    """Name of the model that it was made of or for; `None` if the file is damaged."""

    file_bytes: int
    """Size of the file. In bytes."""

    last_used_unix_s: int
    """When it was last loaded or written (a plan: when it was written), in seconds since 1970."""


class CacheReport(Report):
    """The cache's part in a load."""

    outcome: CacheOutcome
    """What happened."""

    folder: str | None
    """The cache folder, if there was one."""

    key: str | None
    """The entry's name."""


class CalibrateProgress(Report):
    """How far a calibration is."""

    done: float
    """The share of the work that is done, from 0 to 1."""

    elapsed_ns: int
    """Time since it began. In nanoseconds."""

    left_ns: int | None
    """The time that is probably left; `None` while nothing is known. In nanoseconds."""


class DeviceKey(Report):
    """Everything that has to be the same for a device section to be used."""

    _absent = {"cpu_model": None}

    model_digest: str
    """Digest of the original model, see `model_digest`."""

    runtime_version: str
    """Version of ONNX Runtime, for example `1.31.1`."""

    runtime_build: str
    """ONNX Runtime's own words on how it was built."""

    cpu_features: list[str]
    """Instruction sets of the CPU, for example `avx2`, in any order."""

    architecture: str
    """Architecture, for example `x86_64`."""

    options_digest: str
    """Digest of the session options that shape the optimised model."""

    ortlet_version: str
    """Version of Ortlet."""

    cpu_model: str | None
    """Name of the CPU; `None` if the section fits every CPU with the same features."""


class SampleCounts(Report):
    """How many samples were for what. None was used twice."""

    calibration: int
    """To learn how large activations get."""

    selection: int
    """To choose among candidates."""

    verification: int
    """To find out how far the chosen one is off."""


class LayerTrial(Report):
    """One form of one layer, tried while the others were as they were."""

    form: QuantizeMode
    """The form."""

    float_ns: float | None
    """Time that a run of the layer alone takes as floats. In nanoseconds."""

    form_ns: float | None
    """Time that it takes in this form. In nanoseconds."""

    damage: float | None
    """One minus the mean similarity of the model's outputs with only this layer changed."""


class PrecisionLayer(Report):
    """What became of one layer."""

    _nested = {"trials": LayerTrial}

    node: str
    """Name of the node, or of its first output if it has none."""

    op_type: str
    """Its operator, as it was."""

    shape: list[int]
    """Dimensions of the weight; empty if it is no constant."""

    form: QuantizeMode | None
    """The form that it has; `None` if it is as it was."""

    reason: str | None
    """Why it is as it was."""

    trials: list[LayerTrial]
    """The forms that were tried on it alone."""


class RewritingCount(Report):
    """How often a rewriting was made."""

    kind: RewriteKind
    """Which kind."""

    count: int
    """How often."""


class PrecisionCandidate(Report):
    """What became of one candidate."""

    _nested = {"accuracy": AccuracyFigures}

    name: str
    """What it consists of, in words."""

    is_chosen: bool
    """Whether it was chosen."""

    reason: str | None
    """Why it was not."""

    quantized_count: int
    """Layers that are quantized in it, and blocks that Ortlet's kernels compute."""

    parameter_bytes: int
    """Size of its tensors. In bytes."""

    accuracy: AccuracyFigures | None
    """How far it is off on the samples that candidates are chosen by."""

    median_ns: float | None
    """Median time of a run; `None` if it was not timed. In nanoseconds."""

    lower_quartile_ns: float | None
    """The lower quartile. In nanoseconds."""

    upper_quartile_ns: float | None
    """The upper quartile. In nanoseconds."""

    ratio: float | None
    """Its time as a share of that of the model it raced against, which is the original or the rewritten one.
    """

    final_ratio: float | None
    """The same in the final, which decides."""


class MadeFor(Report):
    """What figures were measured on."""

    runtime_version: str
    """Version of ONNX Runtime."""

    cpu_model: str
    """Name of the processor; empty where the system does not tell."""

    thread_count: int
    """Threads that computed a run."""


class PrecisionBlock(Report):
    """What became of one block."""

    kind: BlockKind
    """What it is."""

    node: str
    """Name of its product's node, or of that node's first output if it has none."""

    replaced: list[str]
    """The operators that it consists of."""

    shape: list[int]
    """Dimensions of its weights; empty if it has none."""

    precision: KernelPrecision | None
    """The numbers that Ortlet's kernels compute it with; `None` if it is left to ONNX Runtime."""

    similarity: float | None
    """How similar its results are to the original's for the same inputs, when it was checked by itself;
    `None` if it could not be.
    """

    reason: str | None
    """Why it is left to ONNX Runtime."""


class PrecisionReport(Report):
    """How a model came to compute with the numbers that it computes with. Times are in nanoseconds, sizes in
    bytes.
    """

    _nested = {
        "accuracy": AccuracyFigures,
        "budget": Accuracy,
        "samples": SampleCounts,
        "layers": PrecisionLayer,
        "rewritings": RewritingCount,
        "candidates": PrecisionCandidate,
        "made_for": MadeFor,
        "blocks": PrecisionBlock,
    }
    _absent = {"blocks": [], "warnings": []}

    precision: str
    """What was asked for: `auto` or a mode."""

    verdict: str
    """The outcome in one sentence."""

    chosen: str
    """Name of the candidate that was chosen; `original` if the model is as it was."""

    time_ratio: float | None
    """Time of a run as a share of the original's, as the final measured it; `None` if the original was kept
    or nothing was timed.
    """

    accuracy: AccuracyFigures | None
    """How far results are off on samples that took no part in any choice; `None` if there were none."""

    budget: Accuracy
    """What was allowed."""

    samples: SampleCounts
    """Which samples were for what."""

    layers: list[PrecisionLayer]
    """Every layer, in the order of the nodes."""

    needs_ortlet: bool
    """Whether the chosen model has operators of Ortlet's own, which no other runtime knows."""

    rewritings: list[RewritingCount]
    """Rewritings that change nothing but rounding, which were made before anything else, and how often."""

    candidates: list[PrecisionCandidate]
    """Every candidate, the original first."""

    parameter_bytes_before: int
    """Size of the original's tensors. In bytes."""

    parameter_bytes_after: int
    """Size of the chosen model's tensors. In bytes."""

    made_for: MadeFor | None
    """What was measured on."""

    elapsed_ns: int
    """How long it took. In nanoseconds."""

    seed: int
    """What decided how samples were divided and in which order candidates ran."""

    blocks: list[PrecisionBlock]
    """Every block that Ortlet's own kernels are for, in the order of the nodes."""

    warnings: list[str]
    """What went wrong without making it fail."""


class CompileReport(Report):
    """What compiling gave. Times are in nanoseconds, sizes in bytes."""

    _nested = {"key": DeviceKey, "precision": PrecisionReport}
    _absent = {"precision": None}

    path: str
    """The artifact's file."""

    file_bytes: int
    """Its size. In bytes."""

    model_bytes: int
    """Size of the model and its external data. In bytes."""

    key: DeviceKey
    """What the new section was made for."""

    device_count: int
    """Devices that the artifact now has sections for."""

    check_ns: int
    """Reading, checking and digesting the model. In nanoseconds."""

    create_ns: int
    """Optimising it and packing its weights. In nanoseconds."""

    store_ns: int
    """Writing the artifact. In nanoseconds."""

    precision: PrecisionReport | None
    """How the precision of the new section was chosen, now or when the artifact was first made, if one was
    asked for.
    """


class CpuReport(Report):
    """The CPU as this process sees it."""

    model: str
    """Name of the processor, empty if the system does not tell."""

    architecture: str
    """Architecture that Ortlet was compiled for, for example `x86_64`."""

    features: list[str]
    """Instruction sets that matter for inference and that this CPU has."""

    logical_count: int | None
    """Logical CPUs of the machine, if the system tells."""

    usable_logical_count: int
    """Logical CPUs that the affinity mask and the control group leave to this process."""

    usable_physical_count: int
    """Physical cores among them: what `threads: auto` uses."""

    cgroup_quota_cores: float | None
    """Cores that the control group's CPU quota allows, if it sets one."""


class RuntimeSummary(Report):
    """A loaded ONNX Runtime."""

    path: str
    """The library's file."""

    version: str
    """Its version."""

    build_info: str
    """Branch, commit and compiler flags of its build."""

    providers: list[str]
    """Execution providers that sessions can ask for."""


class SearchedPlace(Report):
    """One place where the ONNX Runtime library was looked for."""

    rule: str
    """Which rule led here, for example `ORTLET_RUNTIME`."""

    path: str
    """The path or library name tried; empty when the rule had nothing to offer."""

    outcome: str
    """What was found there."""


class RuntimeReport(Report):
    """ONNX Runtime, found or not."""

    _nested = {"found": RuntimeSummary, "searched": SearchedPlace}

    found: RuntimeSummary | None
    """The library that is used, if one was found."""

    error: str | None
    """Why none can be used."""

    searched: list[SearchedPlace]
    """The places searched, if none was found."""


class DoctorReport(Report):
    """The state of the machine as far as running models goes."""

    _nested = {"runtime": RuntimeReport, "cpu": CpuReport}

    ortlet_version: str
    """Version of Ortlet."""

    runtime: RuntimeReport
    """ONNX Runtime, found or not."""

    cpu: CpuReport
    """The CPU."""

    advice: list[str]
    """What to do about anything missing or slow; empty if all is well."""


class DynamicAxis(Report):
    """One axis of one input or output."""

    value: str
    """Name of the input or output."""

    axis: int
    """Number of the axis, from 0."""


class DynamicDim(Report):
    """A dimension whose size is known only when the model runs."""

    _nested = {"axes": DynamicAxis}

    name: str | None
    """Its name; `None` if it has none, and then it is independent of all others."""

    axes: list[DynamicAxis]
    """Where it appears."""


class ExternalFileReport(Report):
    """A file with data of a model."""

    location: str
    """Path relative to the model's folder, as the model gives it."""

    tensor_count: int
    """Tensors in it."""

    tensor_bytes: int
    """Size of those tensors. In bytes."""


class HistogramSnapshot(Report):
    """A `Histogram` at one moment."""

    _nested = {"buckets": Bucket}

    count: int
    """How many latencies were recorded."""

    sum_ns: int
    """The sum of all latencies in nanoseconds, exact."""

    min_ns: int | None
    """The smallest latency in nanoseconds, exact; `None` if there is none."""

    max_ns: int | None
    """The largest latency in nanoseconds, exact; `None` if there is none."""

    buckets: list[Bucket]
    """The buckets that hold something, in ascending order."""


class KernelTime(Report):
    """A part of the time that runs took."""

    total_ns: int
    """Nanoseconds in all runs together."""

    mean_ns_per_run: float
    """Nanoseconds in one run, on average."""

    share: float
    """Share of what the runs took, from 0 to 1."""


class LatencySummary(Report):
    """Extremes, mean and percentiles of latencies, in nanoseconds. Extremes and mean are exact, percentiles
    as in `HistogramSnapshot.percentile`.
    """

    _renamed = {"p99_9_ns": "p99.9_ns"}

    min_ns: int
    """The shortest. In nanoseconds."""

    mean_ns: float
    """The arithmetic mean. In nanoseconds."""

    p50_ns: int
    """The median. In nanoseconds."""

    p90_ns: int
    """What 90 % do not exceed. In nanoseconds."""

    p99_ns: int
    """What 99 % do not exceed. In nanoseconds."""

    p99_9_ns: int
    """What 99.9 % do not exceed. In nanoseconds."""

    max_ns: int
    """The longest. In nanoseconds."""


class LayerReport(Report):
    """What became of one layer."""

    _absent = {
        "mode": None,
        "mean_error": None,
        "max_error": None,
        "bytes_before": None,
        "bytes_after": None,
        "reason": None,
    }

    node: str
    """Name of the node, or of its first output if it has none."""

    op_type: str
    """Its operator, as it was."""

    weight: str
    """Name of its weight; that of its second input if that is no constant."""

    shape: list[int]
    """Dimensions of the weight; empty if it is no constant."""

    outcome: Literal["quantized", "skipped"]
    """One of these:
    - `"quantized"`: The weight was quantized.
    - `"skipped"`: The layer is as it was.
    """

    mode: QuantizeMode | None
    """How. Only with `"quantized"`."""

    mean_error: float | None
    """Mean of the weight's errors, as a share of the mean of its magnitudes. Only with `"quantized"`."""

    max_error: float | None
    """Largest error of the weight, as a share of its largest magnitude. Only with `"quantized"`."""

    bytes_before: int | None
    """Size of the weight before. Layers that share a weight each state it. In bytes. Only with `"quantized"`.
    """

    bytes_after: int | None
    """Size of the quantized weight with its scales. In bytes. Only with `"quantized"`."""

    reason: str | None
    """Why. Only with `"skipped"`."""


class LoadPhases(Report):
    """Where the time of a load went."""

    runtime_ns: int
    """Finding and loading ONNX Runtime, which only the first load of a process has to do. In nanoseconds."""

    check_ns: int
    """Reading and checking the model. In nanoseconds."""

    digest_ns: int
    """Digesting the model's content for the cache. In nanoseconds."""

    map_ns: int
    """Opening, checking and mapping the artifact. In nanoseconds."""

    create_ns: int
    """Creating the session in ONNX Runtime: optimising, unless that was done before, and packing weights. In
    nanoseconds.
    """

    store_ns: int
    """Storing the compiled model. In nanoseconds."""

    warm_up_ns: int
    """Runs on zeros, if they were asked for. In nanoseconds."""

    total_ns: int
    """The whole load. In nanoseconds."""

    first_run_ns: int | None
    """The first run; `None` before it. In nanoseconds."""


class SessionMetrics(Report):
    """The metrics of a session at one moment. Counts are since the load."""

    _nested = {"queue": HistogramSnapshot, "compute": HistogramSnapshot, "load": LoadPhases}

    run_count: int
    """Runs that ended, successful and failed."""

    error_counts: dict[str, int]
    """Failed runs by the code of their error; codes that did not occur are absent."""

    deadline_exceeded_count: int
    """Runs that missed their deadline; also in `error_counts`."""

    cancelled_count: int
    """Runs that the caller cancelled; also in `error_counts`."""

    in_flight_count: int
    """Runs that have started and not yet ended, waiting ones included."""

    queue: HistogramSnapshot
    """How long each ended run waited before it could compute, or before it was given up; 0 for those that did
    not.
    """

    compute: HistogramSnapshot
    """How long each ended run computed, whether it succeeded or was stopped; without runs that never got so
    far, and without those too short to be timed each time.
    """

    load: LoadPhases
    """Where the time of the load went."""

    mapped_bytes: int
    """Bytes of weights that are mapped from the artifact's file, shared by all processes that use it."""

    private_bytes: int | None
    """Private memory of the whole process in bytes; `None` where the system does not tell."""


class MetricsReport(Report):
    """The metrics of a session, and the percentiles that its histograms give: what bindings hand out."""

    _nested = {"compute": LatencySummary, "queue": LatencySummary, "metrics": SessionMetrics}

    compute: LatencySummary | None
    """How long runs computed; `None` if none did."""

    queue: LatencySummary | None
    """How long runs waited; `None` if there were none."""

    metrics: SessionMetrics
    """The metrics themselves."""


class ValueType(Report):
    """The declared type of an input or output."""

    _absent = {"dtype": None, "shape": None, "element": None, "key": None, "value": None}

    kind: Literal["tensor", "sparse_tensor", "sequence", "map", "optional", "opaque", "unknown"]
    """One of these:
    - `"tensor"`: A tensor.
    - `"sparse_tensor"`: A tensor that stores only its nonzero elements. Ortlet cannot run these.
    - `"sequence"`: Values of one type, in order.
    - `"map"`: Keys with a value each.
    - `"optional"`: A value, or nothing.
    - `"opaque"`: A type that only its own operators know. Ortlet cannot run these.
    - `"unknown"`: The model does not say, or not in terms that Ortlet knows.
    """

    dtype: DType | None
    """Element type. Only with `"tensor"` and `"sparse_tensor"`."""

    shape: SymbolicShape | None
    """Declared dimensions. Only with `"tensor"` and `"sparse_tensor"`."""

    element: ValueType | None
    """With `"sequence"`: Type of the elements. With `"optional"`: Type of the value."""

    key: DType | None
    """Type of the keys. Only with `"map"`."""

    value: ValueType | None
    """Type of the values. Only with `"map"`."""


ValueType._nested = {"element": ValueType, "value": ValueType}


class ValueInfo(Report):
    """Name and declared type of an input or output."""

    _nested = {"element": ValueType, "value": ValueType}
    _absent = {"dtype": None, "shape": None, "element": None, "key": None, "value": None}

    name: str
    """Its name."""

    kind: Literal["tensor", "sparse_tensor", "sequence", "map", "optional", "opaque", "unknown"]
    """One of these:
    - `"tensor"`: A tensor.
    - `"sparse_tensor"`: A tensor that stores only its nonzero elements. Ortlet cannot run these.
    - `"sequence"`: Values of one type, in order.
    - `"map"`: Keys with a value each.
    - `"optional"`: A value, or nothing.
    - `"opaque"`: A type that only its own operators know. Ortlet cannot run these.
    - `"unknown"`: The model does not say, or not in terms that Ortlet knows.
    """

    dtype: DType | None
    """Element type. Only with `"tensor"` and `"sparse_tensor"`."""

    shape: SymbolicShape | None
    """Declared dimensions. Only with `"tensor"` and `"sparse_tensor"`."""

    element: ValueType | None
    """With `"sequence"`: Type of the elements. With `"optional"`: Type of the value."""

    key: DType | None
    """Type of the keys. Only with `"map"`."""

    value: ValueType | None
    """Type of the values. Only with `"map"`."""


class SchemeReport(Report):
    """One kind of quantization in a model."""

    kind: QuantizationKind
    """The kind."""

    node_count: int
    """Nodes of this kind, in all graphs and functions."""

    weight_count: int
    """Weights of this kind."""

    weight_share: float
    """The same as a share of all weights, from 0 to 1."""


class QuantizedValue(Report):
    """Scale and zero point of a quantized input or output: `real = (quantized - zero_point) * scale`."""

    name: str
    """Name of the input or output."""

    dtype: DType | None
    """Type of the quantized values; `None` if unknown."""

    scales: list[float]
    """One scale, or one for each index of `axis`; empty if the model computes it."""

    zero_points: list[int]
    """As many zero points as scales."""

    axis: int | None
    """The axis that the scales are for, if there is more than one; may be negative, to count from the end."""


class QuantizationReport(Report):
    """How a model is already quantized. Part of `ModelReport`."""

    _nested = {"schemes": SchemeReport, "inputs": QuantizedValue, "outputs": QuantizedValue}

    schemes: list[SchemeReport]
    """The kinds that were found; empty if the model is not quantized."""

    weight_count: int
    """Number of weights: parameters that are floats or integers of up to 8 bits, or are used in a quantized
    form, without scalars, scales and zero points. Weights that share a byte count one by one.
    """

    inputs: list[QuantizedValue]
    """Inputs that are quantized first thing, or are given quantized."""

    outputs: list[QuantizedValue]
    """Outputs that are quantized, or are dequantized last thing."""


class ModelReport(Report):
    """What is inside of a model. Made by `Model.report`.

    "Parameters" are the elements of all initializers and of the tensors in `Constant` nodes, in all graphs
    and functions. Operators outside of ONNX's own domain are written `domain::operator`.
    """

    _nested = {
        "inputs": ValueInfo,
        "outputs": ValueInfo,
        "overridable_initializers": ValueInfo,
        "dynamic_dims": DynamicDim,
        "external_files": ExternalFileReport,
        "quantization": QuantizationReport,
    }

    producer_name: str
    """Tool that made the model; empty if unknown."""

    producer_version: str
    """Version of that tool; empty if unknown."""

    domain: str
    """Reverse domain name of the model's author; empty if unknown."""

    model_version: int
    """The author's version of the model."""

    ir_version: int
    """Version of the file format."""

    opsets: dict[str, int]
    """Domain of an operator set (ONNX's own is `ai.onnx`) to its version."""

    graph_name: str
    """Name of the main graph."""

    doc_string: str
    """Text for people."""

    metadata: dict[str, str]
    """Named texts."""

    inputs: list[ValueInfo]
    """Values that the caller has to give."""

    outputs: list[ValueInfo]
    """Values that the caller gets."""

    overridable_initializers: list[ValueInfo]
    """Inputs with a default value, which the caller may give."""

    model_bytes: int
    """Size of the ONNX file. In bytes."""

    total_bytes: int
    """Size of the ONNX file and of the external data that it uses. In bytes."""

    parameter_count: int
    """Number of parameters."""

    parameter_bytes: int
    """Size of the parameters. In bytes."""

    dtype_bytes: dict[str, int]
    """Element type to the size of the parameters of that type. In bytes."""

    initializer_count: int
    """Tensors that are initializers, in all graphs."""

    node_count: int
    """Nodes in all graphs and functions."""

    op_type_counts: dict[str, int]
    """Operator to number of nodes."""

    subgraph_count: int
    """Graphs inside of nodes."""

    functions: list[str]
    """Operators that the model defines itself."""

    control_flow_counts: dict[str, int]
    """Operator that contains graphs (`If`, `Loop`, `Scan`, `SequenceMap`) to number of nodes."""

    custom_domains: list[str]
    """Domains of operators that neither ONNX, nor ONNX Runtime, nor the model define."""

    dynamic_dims: list[DynamicDim]
    """Dimensions of inputs and outputs whose size is known only when the model runs."""

    external_files: list[ExternalFileReport]
    """Files with data of this model."""

    quantization: QuantizationReport
    """How the model is already quantized."""


class NodeTime(Report):
    """What one node took."""

    name: str
    """Its name; where the model gives it none, one that ONNX Runtime makes of operator and index. Two nodes
    of this name, with the same operator, provider and index in two graphs of the model, count as one.
    """

    domain: str | None
    """The operator's domain; empty for ONNX's own, `None` if it is not known."""

    op_type: str
    """The operator's name within its domain."""

    provider: str
    """The execution provider that ran it, as ONNX Runtime names it."""

    call_count: int
    """How often it was run, in all runs together."""

    total_ns: int
    """Nanoseconds in all runs together."""

    mean_ns_per_run: float
    """Nanoseconds in one run, on average."""

    share: float
    """Share of what the runs took, from 0 to 1."""


class OperatorTime(Report):
    """What the nodes with one operator took."""

    domain: str | None
    """The operator's domain; empty for ONNX's own, `None` if it is not known."""

    op_type: str
    """The operator's name within its domain."""

    provider: str
    """The execution provider that ran them, as ONNX Runtime names it."""

    node_count: int
    """How many nodes there are."""

    call_count: int
    """How often they were run, in all runs together."""

    total_ns: int
    """Nanoseconds in all runs together."""

    mean_ns_per_run: float
    """Nanoseconds in one run, on average."""

    share: float
    """Share of what the runs took, from 0 to 1."""


class OperatorProfile(Report):
    """Where the time of a model's runs goes, by operator and by node.

    A node's time is that of its kernel on the thread that runs it: work that an execution provider does
    behind it on another device is not in it. A node with graphs inside of it, such as `If` and `Loop`, has
    the time of its own, and the nodes inside have theirs, so nothing counts twice. Together with `overhead`
    the times of the nodes, or of the operators, are `total_ns`, unless an execution provider runs nodes side
    by side: then they are more.

    ONNX Runtime records whole microseconds and cuts off the rest. Recording itself takes some microseconds
    for each node, which show in the node's time, in that of a node around it, and in the overhead; so the
    figures of nodes that take no longer than that say little.
    """

    _nested = {"operators": OperatorTime, "nodes": NodeTime, "overhead": KernelTime}

    run_count: int
    """How many runs the figures are of."""

    total_ns: int
    """What these runs took in nanoseconds."""

    operators: list[OperatorTime]
    """What all nodes took that have the operator and the execution provider in common; the longest time
    first.
    """

    nodes: list[NodeTime]
    """What each node took; the longest time first."""

    overhead: KernelTime
    """What no kernel took: preparing and ending a run, going from node to node, and recording all this."""


class PlanChanges(Report):
    """How a candidate differs from the caller's options. What is not set stays as it is.

    Stored plans come from files, so this says only what a race can choose, and no other configuration
    entries.
    """

    _absent = {
        "dims": {},
        "disabled_optimizers": [],
        "optimization_level": None,
        "profile": None,
        "provider": None,
        "spin_us": None,
        "threads": None,
    }

    dims: dict[str, int]
    """Sizes for symbolic dimensions."""

    disabled_optimizers: list[str]
    """ONNX Runtime's optimisers that are left out."""

    optimization_level: OptimizationLevel | None
    """How far the graph is rewritten."""

    profile: Profile | None
    """What matters most."""

    provider: str | None
    """The execution provider that runs what it can, with its default options; the CPU runs the rest."""

    spin_us: int | None
    """How long threads of the session's own look for work after a run, in microseconds; 0 for not at all.
    Makes the session have threads of its own.
    """

    threads: Threads | None
    """Threads that compute one run."""


class PlanRound(Report):
    """A candidate in one round."""

    round: int
    """The number of the round, from 0."""

    lower_quartile_ns: float
    """The lower quartile of its runs. In nanoseconds."""

    median_ns: float
    """The median of its runs. In nanoseconds."""

    upper_quartile_ns: float
    """The upper quartile of its runs. In nanoseconds."""

    run_count: int
    """Number of runs."""


class PlanCandidate(Report):
    """A candidate of a race."""

    _nested = {"changes": PlanChanges, "rounds": PlanRound}
    _absent = {"rounds": []}

    name: str
    """What it is called: its changes in words, or `default`."""

    changes: PlanChanges
    """How it differs from the caller's options."""

    outcome: PlanOutcome
    """What became of it."""

    reason: str
    """Why it did not win; empty for the winner."""

    lower_quartile_ns: float
    """The time that three quarters of its runs took longer than; the middle over all rounds, as the next two.
    In nanoseconds.
    """

    median_ns: float
    """The time that half of its runs took longer than. In nanoseconds."""

    upper_quartile_ns: float
    """The time that a quarter of its runs took longer than. In nanoseconds."""

    p99_ns: int
    """The time that one run in a hundred took longer than, over all rounds together. In nanoseconds."""

    run_count: int
    """Runs that were measured."""

    round_count: int
    """Rounds that it took part in."""

    ratio: float | None
    """Its median as a share of the default's in the same round; the middle over all rounds. `None` without
    rounds.
    """

    final_ratio: float | None
    """The same over the rounds of the final only, which decided; `None` if it was not in one."""

    max_difference: float | None
    """The largest difference of an output from the default's, as a share of the largest magnitude in that
    output.
    """

    rounds: list[PlanRound]
    """The single rounds; not kept in stored plans."""


class PlanKey(Report):
    """Everything that has to be the same for a plan to be followed."""

    _absent = {"cpu_model": None}

    model_digest: str
    """Digest of the original model, see `model_digest`."""

    runtime_version: str
    """Version of ONNX Runtime, for example `1.31.1`."""

    runtime_build: str
    """ONNX Runtime's own words on how it was built."""

    cpu_features: list[str]
    """Instruction sets of the CPU, for example `avx2`, in any order."""

    architecture: str
    """Architecture, for example `x86_64`."""

    options_digest: str
    """Digest of the session options that shape the optimised model."""

    ortlet_version: str
    """Version of Ortlet."""

    core_count: int
    """Physical cores that the process could use."""

    cpu_model: str | None
    """Name of the CPU; `None` if the section fits every CPU with the same features."""


class Plan(Report):
    """How a model runs fastest on this device, and the figures behind it. Times are in nanoseconds."""

    _nested = {"changes": PlanChanges, "candidates": PlanCandidate, "made_for": PlanKey}
    _absent = {"stored_in": None, "warnings": []}

    changes: PlanChanges
    """What is better than the caller's options; nothing if these are the best."""

    verdict: str
    """The outcome in one sentence."""

    model: str
    """File name of the model."""

    concurrency: int
    """Runs that were under way at once."""

    sample_count: int
    """Batches of inputs that every candidate ran."""

    elapsed_ns: int
    """How long the race took. In nanoseconds."""

    margin: float
    """A winner had to be faster than the default by at least this share."""

    tolerance: float
    """Outputs were allowed to differ from the default's by this share of an output's largest magnitude."""

    seed: int
    """What decided the order of the candidates."""

    candidates: list[PlanCandidate]
    """Every candidate: the default first, then in the order in which they entered."""

    made_for: PlanKey
    """Where the plan may be followed."""

    stored_in: str | None
    """The file that the plan was put into: one of the cache's, or the artifact. `None` if it was not kept."""

    warnings: list[str]
    """What went wrong without making the race fail."""


class PlanReport(Report):
    """The plan that a session follows."""

    _nested = {"changes": PlanChanges}

    changes: PlanChanges
    """How the session differs from what the caller's options would give."""

    verdict: str
    """What the race found, in one sentence."""

    concurrency: int
    """Runs that were under way at once during the race."""


class PrecisionProgress(Report):
    """Where a choice of precision is."""

    stage: str
    """What is being done, in words."""

    done: float | None
    """The share of the stage that is done, 0 to 1; `None` where it cannot be told."""

    elapsed_ns: int
    """Time since the beginning. In nanoseconds."""

    remaining_ns: int | None
    """Time that the rest of the stage will take, by how long its beginning took; `None` where it cannot be
    told. In nanoseconds.
    """


class QuantizeReport(Report):
    """What `quantize` did."""

    _nested = {"layers": LayerReport}

    mode: QuantizeMode
    """How the model was quantized."""

    layers: list[LayerReport]
    """Every layer that the mode is for, in the order of the nodes, those of graphs inside of a node after it.
    """

    quantized_count: int
    """Layers that were quantized."""

    skipped_count: int
    """Layers that were left as they are."""

    parameter_bytes_before: int
    """Size of all tensors stored in the model, or in files of its own, before. In bytes."""

    parameter_bytes_after: int
    """The same after. In bytes."""

    verdict: str
    """All of this in one sentence."""


class SessionReport(Report):
    """How a session came to be. Times are in nanoseconds, sizes in bytes."""

    _nested = {"plan": PlanReport, "precision": PrecisionReport, "cache": CacheReport, "phases": LoadPhases}

    origin: Origin
    """What the session was made of."""

    portable_reason: str | None
    """Why the portable model of an artifact was used, if it was."""

    plan: PlanReport | None
    """The stored plan that the session follows, if it does."""

    precision: PrecisionReport | None
    """How the model came to compute with other numbers than the original, if that was asked for at this load
    or when the artifact was compiled.
    """

    cache: CacheReport
    """The cache's part in it."""

    phases: LoadPhases
    """Where the time went."""

    mapped_bytes: int
    """Weights that lie in the artifact's file and are mapped from there, shared by all processes that use it.
    In bytes.
    """

    private_bytes: int | None
    """Private memory of the whole process when the report was made; `None` where the system does not tell. In
    bytes.
    """

    warnings: list[str]
    """What went wrong without making the load fail."""


class TuneProgress(Report):
    """Where a race is."""

    candidate: str
    """The candidate whose turn it is."""

    round: int | None
    """The round, from 0; `None` while the candidate's session is being made."""

    remaining_count: int
    """Candidates still in the race, the default included."""

    elapsed_ns: int
    """Time since the race began. In nanoseconds."""

    time_limit_ns: int
    """Time that it may take. In nanoseconds."""
