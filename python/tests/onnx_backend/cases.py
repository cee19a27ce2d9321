"""The tests as they lie in the `onnx` package's data: a model, inputs, expected outputs and tolerances."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

KINDS = ("node", "simple", "pytorch-operator", "pytorch-converted")
# What the ONNX project's runner takes where a test says nothing.
RTOL, ATOL = 1e-3, 1e-7


@dataclass
class Case:
    """One test. Its values are read when they are asked for."""

    name: str
    model: Path
    rtol: float = RTOL
    atol: float = ATOL

    @cached_property
    def graph(self):
        return onnx.load(self.model, load_external_data=False).graph

    @cached_property
    def declared_inputs(self):
        """What a caller gives: initializers have their values already."""
        constants = {constant.name for constant in self.graph.initializer}
        return [info for info in self.graph.input if info.name not in constants]

    def stored(self, kind, infos):
        """Stored messages with what is declared of them, in order; inputs at the end may be left out."""
        paths = [self.model.parent / "test_data_set_0" / f"{kind}_{number}.pb" for number in range(len(infos))]
        return [(info, path.read_bytes()) for info, path in zip(infos, paths) if path.exists()]

    def inputs(self):
        """The values to give, by name."""
        return {info.name: value(info.type, data) for info, data in self.stored("input", self.declared_inputs)}

    def raw_inputs(self):
        """Inputs whose bytes are stored as they lie in memory: name to type, shape and bytes."""
        found = {}
        for info, data in self.stored("input", self.declared_inputs):
            if info.type.HasField("tensor_type"):
                message = onnx.TensorProto.FromString(data)
                if message.HasField("raw_data"):
                    found[info.name] = (message.data_type, tuple(message.dims), message.raw_data)
        return found

    def outputs(self):
        """The values that have to come, in order."""
        return [value(info.type, data) for info, data in self.stored("output", self.graph.output)]


class LightCase(Case):
    """A large network whose weights are computed; its input is no file but a rule."""

    def inputs(self):
        values = {}
        for info in self.declared_inputs:
            shape = [dim.dim_value or 1 for dim in info.type.tensor_type.shape.dim]
            count = np.prod(shape)
            values[info.name] = (np.arange(count).reshape(shape) / count).astype(np.float32)
        return values

    def raw_inputs(self):
        return {}

    def outputs(self):
        paths = [self.model.with_name(f"{self.model.stem}_output_{n}.pb") for n in range(len(self.graph.output))]
        return [value(info.type, path.read_bytes()) for info, path in zip(self.graph.output, paths)]


def value(declared, data):
    """A stored message as a Python value, to the bit: NumPy arrays, lists for sequences, None for an empty optional."""
    if declared.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if declared.HasField("optional_type"):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return numpy_helper.to_array(onnx.TensorProto.FromString(data))


def tolerances(folder):
    """The tolerances that a test says, in one of two files."""
    for name in ("tolerance.json", "data.json"):
        if (folder / name).exists():
            said = json.loads((folder / name).read_text())
            return {key: said[key] for key in ("rtol", "atol") if key in said}
    return {}


def all_cases(data):
    """Every test below the folder, by its kind and name."""
    cases = []
    for kind in KINDS:
        models = sorted((data / kind).glob("*/model.onnx"))
        cases += [Case(f"{kind}/{model.parent.name}", model, **tolerances(model.parent)) for model in models]
    for model in sorted((data / "light").glob("*.onnx")):
        said = tolerances(data / "real" / model.stem.replace("light_", "test_"))
        cases.append(LightCase(f"light/{model.stem}", model, **said))
    return cases
