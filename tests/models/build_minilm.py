#!/usr/bin/env python3
"""Build all-MiniLM-L6-v2's encoder as ONNX from its published weights.

usage: build_minilm.py MODEL_DIR OUT.onnx

MODEL_DIR holds model.safetensors and config.json. Inputs input_ids, attention_mask, token_type_ids: int64
[batch, seq]; output last_hidden_state: float32 [batch, seq, 384]. A plain graph as exporters write it (MatMul + Add,
erf GELU), 90 MB. Needs: numpy, onnx, safetensors.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


class Graph:
    """Nodes and initializers in the order of their making."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], []

    def const(self, name, array):
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind, inputs, **attributes):
        name = f"{kind}_{len(self.nodes) + 1}"
        self.nodes.append(helper.make_node(kind, inputs, [f"{name}_out"], name=name, **attributes))
        return f"{name}_out"

    def linear(self, x, prefix):
        weight = self.const(f"{prefix}.weight_T", self.weights[f"{prefix}.weight"].T)
        bias = self.const(f"{prefix}.bias", self.weights[f"{prefix}.bias"])
        return self.op("Add", [self.op("MatMul", [x, weight]), bias])

    def layer_norm(self, x, prefix):
        weight = self.const(f"{prefix}.w", self.weights[f"{prefix}.weight"])
        bias = self.const(f"{prefix}.b", self.weights[f"{prefix}.bias"])
        return self.op("LayerNormalization", [x, weight, bias], axis=-1, epsilon=1e-12)


def embeddings(g):
    one, two, zero = g.const("i1", np.array([1])), g.const("i2", np.array([2])), g.const("i0", np.array([0]))
    table = {k: g.weights[f"embeddings.{k}_embeddings.weight"] for k in ("word", "token_type", "position")}
    words = g.op("Gather", [g.const("words", table["word"]), "input_ids"])
    types = g.op("Gather", [g.const("types", table["token_type"]), "token_type_ids"])
    length = g.op("Slice", [g.op("Shape", ["input_ids"]), one, two])
    places = g.op("Slice", [g.const("places", table["position"][None]), zero, length, one])
    x = g.op("Add", [g.op("Add", [words, types]), places])
    return g.layer_norm(x, "embeddings.LayerNorm")


def attention_bias(g, f1):
    """0 where attention is allowed, -1e9 where the mask forbids it."""
    axes = g.const("axes", np.array([1, 2]))
    mask = g.op("Cast", [g.op("Unsqueeze", ["attention_mask", axes])], to=TensorProto.FLOAT)
    return g.op("Mul", [g.op("Sub", [f1, mask]), g.const("neg", np.array(-1e9, np.float32))])


def encoder(g, config):
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    size = hidden // heads
    scalars = {"f1": 1.0, "half": 0.5, "sqrt2": np.sqrt(2), "sqrtd": np.sqrt(size)}
    f1, half, sqrt2, sqrtd = (g.const(k, np.array(v, np.float32)) for k, v in scalars.items())
    split, join = g.const("split", np.array([0, 0, heads, size])), g.const("join", np.array([0, 0, hidden]))

    def head(x, prefix, perm):
        return g.op("Transpose", [g.op("Reshape", [g.linear(x, prefix), split])], perm=perm)

    x, bias = embeddings(g), attention_bias(g, f1)
    for layer in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{layer}"
        q = head(x, f"{p}.attention.self.query", [0, 2, 1, 3])
        k = head(x, f"{p}.attention.self.key", [0, 2, 3, 1])
        v = head(x, f"{p}.attention.self.value", [0, 2, 1, 3])
        scores = g.op("Add", [g.op("Div", [g.op("MatMul", [q, k]), sqrtd]), bias])
        mixed = g.op("MatMul", [g.op("Softmax", [scores], axis=-1), v])
        mixed = g.op("Reshape", [g.op("Transpose", [mixed], perm=[0, 2, 1, 3]), join])
        x = g.op("Add", [g.linear(mixed, f"{p}.attention.output.dense"), x])
        x = g.layer_norm(x, f"{p}.attention.output.LayerNorm")
        inner = g.linear(x, f"{p}.intermediate.dense")
        erf = g.op("Add", [g.op("Erf", [g.op("Div", [inner, sqrt2])]), f1])
        inner = g.op("Mul", [g.op("Mul", [inner, erf]), half])
        x = g.op("Add", [g.linear(inner, f"{p}.output.dense"), x])
        x = g.layer_norm(x, f"{p}.output.LayerNorm")
    g.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))


def main():
    folder, out = Path(sys.argv[1]), sys.argv[2]
    config = json.loads((folder / "config.json").read_text())
    g = Graph(load_file(folder / "model.safetensors"))
    encoder(g, config)
    ids = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "seq"]) for name in ids]
    shape = ["batch", "seq", config["hidden_size"]]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(g.nodes, "all-MiniLM-L6-v2", inputs, outputs, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, out)


if __name__ == "__main__":
    main()
