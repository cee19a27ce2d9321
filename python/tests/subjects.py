"""Real models with inputs, and what plain onnxruntime computes of them: what every run has to give, to the bit."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import ortlet

from identities import same_bits

THREADS = 2


@dataclass
class Subject:
    """A model, and pairs of inputs and what is expected of them."""

    path: Path
    cases: list

    def session(self, **options):
        return ortlet.Session(self.path, threads=THREADS, **options)


def check(outputs, expected):
    """Fails unless outputs are the expected ones to the bit."""
    assert outputs.keys() == expected.keys()
    for name in expected:
        assert same_bits(outputs[name], expected[name]), f"{name}: {outputs[name]}, expected {expected[name]}"


def computed(path, inputs):
    """What plain onnxruntime gives with the same settings."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    own = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in own.get_outputs()]
    return [(given, dict(zip(names, own.run(names, given)))) for given in inputs]


@functools.cache
def all_subjects():
    """The two models, each with several inputs."""
    folder, random = Path(os.environ["ORTLET_TEST_MODELS"]), np.random.default_rng(11)

    def speech():
        return {
            "input": (random.standard_normal((1, 576)) * 0.1).astype(np.float32),
            "state": random.standard_normal((2, 1, 128)).astype(np.float32),
            "sr": np.array(16000),
        }

    files = [{"bytes": random.integers(0, 257, (rows, 2048), dtype=np.int32)} for rows in (1, 1, 2, 3)]
    inputs = {"silero-vad/silero_vad.onnx": [speech() for _ in range(8)], "magika/model.onnx": files}
    return [Subject(folder / name, computed(folder / name, given)) for name, given in inputs.items()]
