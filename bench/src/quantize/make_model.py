#!/usr/bin/env python3
"""Quantize a model with another project's tool, and say how long it took and how much memory.

usage: make_model.py dynamic|static|nncf TASK MODEL SAMPLES OUT

SAMPLES is a folder of .npz archives. Prints one line of JSON; the time is that of the tool with reading and writing,
without imports. The peak is that of the process, `idle_kib` what it had after the imports.
Needs: numpy, onnx, onnxruntime; for nncf also nncf and openvino.
"""

import contextlib
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def status(name):
    """A field of this process's status in KiB; None where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return None


def samples(folder):
    for path in sorted(Path(folder).glob("*.npz")):
        with np.load(path) as archive:
            yield dict(archive)


def dynamic():
    from onnxruntime.quantization import QuantType, quantize_dynamic

    return lambda task, model, folder, out: quantize_dynamic(model, out, weight_type=QuantType.QInt8)


def static():
    import onnx
    import onnx.version_converter
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self, folder):
            self.left = samples(folder)

        def get_next(self):
            return next(self.left, None)

    def lifted(model, folder):
        """The model with an operator set that has scales for each channel, which the tool writes into any."""
        whole = onnx.load(model)
        if any(used.domain == "" and used.version < 13 for used in whole.opset_import):
            model = f"{folder}/lifted.onnx"
            onnx.save(onnx.version_converter.convert_version(whole, 13), model)
        return model

    def prepared(model, folder):
        """The model after the tool's own preparation, which its manual asks for, as far as that works."""
        out = f"{folder}/prepared.onnx"
        for skip in (False, True):
            try:
                quant_pre_process(model, out, skip_symbolic_shape=skip)
                return out, "prepared without symbolic shapes" if skip else "prepared"
            except Exception:
                continue
        return model, "not prepared: the tool's preparation fails"

    def make(task, model, folder, out):
        with tempfile.TemporaryDirectory() as scratch:
            source, note = prepared(lifted(model, scratch), scratch)
            kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
            try:
                quantize_static(source, out, Reader(folder), QuantFormat.QDQ, **kinds)
            except ValueError:
                # Its adjustment of weights to biases fails on some models; without it the tool gets through.
                kinds["extra_options"] = {"QDQDisableWeightAdjustForInt32Bias": True}
                quantize_static(source, out, Reader(folder), QuantFormat.QDQ, **kinds)
                note += ", weights not adjusted to biases"
        return note

    return make


def nncf():
    import nncf
    import openvino

    logging.getLogger("nncf").setLevel(logging.ERROR)

    def make(task, model, folder, out):
        fed = list(samples(folder))
        kind = nncf.ModelType.TRANSFORMER if task == "minilm" else None
        made = nncf.quantize(
            openvino.Core().read_model(model), nncf.Dataset(fed), subset_size=len(fed), model_type=kind
        )
        openvino.save_model(made, out, compress_to_fp16=False)

    return make


TOOLS = {"dynamic": dynamic, "static": static, "nncf": nncf}


def main():
    tool, task, model, folder, out = sys.argv[1:]
    logging.disable(logging.WARNING)
    # What tools print is not the answer.
    with contextlib.redirect_stdout(sys.stderr):
        make = TOOLS[tool]()
        idle = status("VmRSS")
        start = time.perf_counter()
        note = make(task, model, folder, out)
        seconds = time.perf_counter() - start
    answer = {"seconds": seconds, "peak_kib": status("VmHWM"), "idle_kib": idle, "note": note}
    print(json.dumps(answer))


main()
