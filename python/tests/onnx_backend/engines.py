"""Two ways to run a test: Ortlet, and plain onnxruntime by its own Python package."""

import ml_dtypes
import numpy as np
import onnx

from .compare import Differs

# Types for which callers without ml_dtypes make an `ortlet.Tensor` of bytes, by their numbers in ONNX.
DTYPES = {
    onnx.TensorProto.BFLOAT16: "bfloat16",
    onnx.TensorProto.FLOAT8E4M3FN: "float8_e4m3fn",
    onnx.TensorProto.FLOAT8E4M3FNUZ: "float8_e4m3fnuz",
    onnx.TensorProto.FLOAT8E5M2: "float8_e5m2",
    onnx.TensorProto.FLOAT8E5M2FNUZ: "float8_e5m2fnuz",
    onnx.TensorProto.FLOAT8E8M0: "float8_e8m0fnu",
    onnx.TensorProto.FLOAT4E2M1: "float4_e2m1fn",
    onnx.TensorProto.INT4: "int4",
    onnx.TensorProto.UINT4: "uint4",
    onnx.TensorProto.INT2: "int2",
    onnx.TensorProto.UINT2: "uint2",
}


class Ortlet:
    """Ortlet, with types that NumPy lacks given in both ways that there are."""

    def __init__(self):
        import ortlet

        self.ortlet = ortlet

    def run(self, case):
        session = self.ortlet.Session(str(case.model), threads=1)
        inputs = case.inputs()
        outputs = session.run(inputs)
        own = self.raw(case)
        if own:
            again = session.run(inputs | own)
            if any(bits(outputs[name]) != bits(again[name]) for name in outputs):
                raise Differs("a tensor of bytes gives something else than an array")
        return [as_numpy(outputs[info.name]) for info in case.graph.output]

    def raw(self, case):
        stored = case.raw_inputs().items()
        special = [(name, *rest) for name, rest in stored if rest[0] in DTYPES]
        return {name: self.ortlet.Tensor(data, DTYPES[number], shape) for name, number, shape, data in special}

    def reason(self, error):
        """What a failure is called in the list: the code, and ONNX Runtime's own word if it has one."""
        if not isinstance(error, self.ortlet.Error):
            return type(error).__name__
        words = [word for word in RUNTIME_WORDS if word in str(error)]
        return " ".join([error.code, *words[:1]])


class Onnxruntime:
    """Plain onnxruntime, with the same settings."""

    def __init__(self):
        import onnxruntime

        self.onnxruntime = onnxruntime
        onnxruntime.set_default_logger_severity(4)

    def run(self, case):
        options = self.onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = self.onnxruntime.InferenceSession(str(case.model), options, providers=["CPUExecutionProvider"])
        return session.run([info.name for info in case.graph.output], case.inputs())

    def reason(self, error):
        return type(error).__name__


# Of ONNX Runtime's messages only these stay the same from version to version.
RUNTIME_WORDS = (
    "Could not find an implementation", "is not a registered function/op", "under development",
    "Unsupported model IR version", "Type Error",
)  # fmt: skip


def as_numpy(value):
    """An output as NumPy has it."""
    if isinstance(value, list):
        return [as_numpy(element) for element in value]
    return value.numpy() if hasattr(value, "numpy") else value


def bits(value):
    """What a value is to the bit, so that NaN is equal to itself."""
    if isinstance(value, list):
        return [bits(element) for element in value]
    array = as_numpy(value)
    if isinstance(array, np.ndarray) and array.dtype.kind != "O":
        return array.dtype.name, array.shape, array.tobytes()
    return array.tolist() if isinstance(array, np.ndarray) else array


ENGINES = {"ortlet": Ortlet, "onnxruntime": Onnxruntime}
# Named here so that a missing package is told before the first test.
assert ml_dtypes and np
