#!/usr/bin/env python3
"""Write small transformers in the styles of exporters, and what plain onnxruntime computes with them.

usage: exporters.py FOLDER

Writes FOLDER/STYLE.onnx for every style, and FOLDER/manifest.json: style to model and steps, each with inputs and outputs
as files of NumPy. Shapes: batch 1 and 3, length 1 and 40, padding, an empty batch where plain onnxruntime takes one.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

from exporter_others import (
    hand_gemm, keras_matmul, microsoft_attention, microsoft_multi_head, single_head, tf2onnx_einsum,
)
from exporter_parts import WIDTH, WORDS, Graph, rng
from exporter_torch import (
    gpt2, joined_heads, llama, optimum, torch_dynamo_18, torch_dynamo_23, torch_script, torch_script_sdpa, vit, vit_split,
)

# Style to its function, operator set, and whether constants are nodes.
STYLES = {
    "torch-script": (torch_script, 14, True), "torch-script-sdpa": (torch_script_sdpa, 17, True),
    "torch-dynamo-18": (torch_dynamo_18, 18, False), "torch-dynamo-23": (torch_dynamo_23, 23, False),
    "optimum": (optimum, 11, True), "tf2onnx-einsum": (tf2onnx_einsum, 15, False), "keras-matmul": (keras_matmul, 13, False),
    "hand-gemm": (hand_gemm, 17, False), "microsoft-attention": (microsoft_attention, 17, False),
    "microsoft-multi-head": (microsoft_multi_head, 17, False), "gpt2": (gpt2, 13, True), "vit": (vit, 17, True),
    "vit-split": (vit_split, 18, False), "llama": (llama, 17, False), "single-head": (single_head, 12, False),
    "joined-heads": (joined_heads, 14, True),
}


def steps(path):
    """Inputs of every shape, and outputs; shapes that plain onnxruntime refuses are left out."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options)
    # onnxruntime's Einsum divides by zero, and ends the process, where there is nothing to compute.
    has_einsum = any(node.op_type == "Einsum" for node in onnx.load(path).graph.node)
    for batch, length in [(1, 1), (1, 40), (3, 1), (3, 40), (2, 7), (0, 5)][:5 if has_einsum else 6]:
        inputs = {}
        for value in session.get_inputs():
            if value.type == "tensor(float)":
                inputs[value.name] = rng.standard_normal((batch, length, WIDTH)).astype(np.float32)
            elif value.name == "attention_mask":
                # Each row of the batch ends earlier than the one before.
                inputs[value.name] = (np.arange(length)[None] < length - 3 * np.arange(batch)[:, None]).astype(np.int64)
                inputs[value.name][:, 0] = 1
            else:
                inputs[value.name] = rng.integers(0, WORDS, (batch, length))
        try:
            yield inputs, session.run(None, inputs)[0]
        except Exception:
            assert batch == 0, path


def main(folder):
    manifest = {}
    for style, (make, opset, as_nodes) in STYLES.items():
        path = folder / f"{style}.onnx"
        g = Graph(opset, as_nodes)
        g.write(path, make(g), ["b", "s", WIDTH])
        onnx.checker.check_model(str(path))
        rows = []
        for number, (inputs, output) in enumerate(steps(path)):
            files = {}
            for name, value in [*inputs.items(), ("y", output)]:
                files[name] = f"{style}-{number}-{name}.npy"
                np.save(folder / files[name], value)
            rows.append({"inputs": {name: files[name] for name in inputs}, "output": files["y"]})
        manifest[style] = {"model": path.name, "steps": rows}
    (folder / "manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
