#!/usr/bin/env python3
"""Hold statically quantized models to the error that their scales imply, step by step.

usage: static_bounds.py MANIFEST.json

The manifest is a list of cases: "plain" and "quantized", two model files, and "inputs", name to {"shape", "numbers"}. The
numbers lie within what the ranges were made from, and nothing was cut off from those. For every value of a quantized model
its largest possible distance from the same value of the plain model is computed in float64 from scales and weights: a
quantization adds one step and a half (half for rounding, half for the rounded zero point, half for a limit that an
activation function had), weights and constants are off by half a step. Both ONNX Runtime without optimization and with its
8-bit kernels have to stay within; those kernels may round one more step off.
"""
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

ort.set_default_logger_severity(3)
FLOAT = onnx.TensorProto.FLOAT


def session(model, optimized):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def all_values(model, inputs):
    """Every value that a node gives, by name."""
    wide = onnx.ModelProto.FromString(model.SerializeToString())
    have = {output.name for output in wide.graph.output}
    names = [name for node in wide.graph.node for name in node.output if name]
    wide.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in have)
    runner = session(wide, False)
    found = dict(zip([output.name for output in runner.get_outputs()], runner.run(None, inputs)))
    return found | inputs


class Bounds:
    """The largest error of every value of a quantized model; `steps` is what a quantization adds."""

    def __init__(self, model, reached, steps):
        self.opset = model.opset_import
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.reached = reached
        self.steps = steps
        self.errors = {}
        self.half = {}
        for node in model.graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            else:
                self.node(node)

    def error(self, name):
        """Zero for constants and for the model's inputs."""
        if name in self.errors:
            return self.errors[name]
        if name in self.half:
            return self.half[name]
        value = self.constants[name] if name in self.constants else self.reached[name]
        return np.zeros(value.shape)

    def magnitude(self, name):
        value = self.constants[name] if name in self.constants else self.reached[name]
        return np.abs(value.astype(np.float64))

    def run(self, node, values):
        """One node on other numbers; what is in `values` takes the place of inputs by position."""
        alone = onnx.NodeProto.FromString(node.SerializeToString())
        feeds = {}
        for at, name in enumerate(node.input):
            if not name:
                continue
            if at in values:
                value = values[at].astype(np.float32)
            else:
                value = self.constants[name] if name in self.constants else self.reached[name]
            alone.input[at] = f"i{at}"
            feeds[f"i{at}"] = value
        for at in range(len(node.output)):
            alone.output[at] = f"o{at}"
        typed = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
                 for n, v in feeds.items()]
        outputs = [onnx.ValueInfoProto(name=name) for name in alone.output]
        graph = helper.make_graph([alone], "alone", typed, outputs)
        model = helper.make_model(graph, opset_imports=self.opset, ir_version=8)
        return [out.astype(np.float64) for out in session(model, False).run(None, feeds)]

    def node(self, node):
        outputs = self.of_node(node)
        self.errors.update(zip(node.output, outputs))

    def of_node(self, node):
        op, names = node.op_type, node.input
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if op == "QuantizeLinear":
            return [self.error(names[0]) + self.steps * float(self.constants[names[1]])]
        if op == "DequantizeLinear":
            if names[0] in self.constants:
                return [self.of_constant(node, attributes)]
            return [self.error(names[0])]
        if op in ("Conv", "MatMul", "Gemm"):
            return self.of_layer(node)
        if op in ("Add", "Sub"):
            return [self.error(names[0]) + self.error(names[1])]
        if op == "Mul":
            left, right = self.error(names[0]), self.error(names[1])
            return [self.magnitude(names[0]) * right + self.magnitude(names[1]) * left + left * right]
        if op == "Div":
            return [self.error(names[0]) / self.magnitude(names[1])]
        factors = {"Sigmoid": 0.25, "Erf": 1.13, "Gelu": 1.13, "Relu": 1, "Clip": 1, "Tanh": 1,
                   "Sum": 1, "HardSigmoid": attributes.get("alpha", 0.2), "LeakyRelu": 1}
        if op in factors:
            return [factors[op] * self.error(names[0])]
        if op == "BatchNormalization":
            scale, variance = self.magnitude(names[1]), self.magnitude(names[4])
            factor = scale / np.sqrt(variance + attributes.get("epsilon", 1e-5))
            error = self.error(names[0])
            return [error * factor.reshape([1, -1] + [1] * (error.ndim - 2))]
        if op == "Pad" and len(names) > 2:
            # What is added is exact.
            padded = onnx.NodeProto.FromString(node.SerializeToString())
            return self.run(padded, {0: self.error(names[0]), 2: np.zeros(())})
        if op in ("Concat",):
            return self.run(node, {at: self.error(name) for at, name in enumerate(names)})
        moving = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Slice", "Gather", "Split",
                  "Expand", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Resize", "Pad")
        assert op in moving, f"no bound is known for {op}"
        return self.run(node, {0: self.error(names[0])})

    def of_constant(self, node, attributes):
        codes, scale = self.constants[node.input[0]], self.constants[node.input[1]].astype(np.float64)
        if scale.ndim:
            shape = [1] * codes.ndim
            shape[attributes.get("axis", 1)] = -1
            scale = scale.reshape(shape)
        return np.broadcast_to(scale / 2, codes.shape)

    def of_layer(self, node):
        """|W x - W' x'| is at most |W - W'| |x| + |W'| |x - x'|."""
        x, w = node.input[:2]
        bare = onnx.NodeProto.FromString(node.SerializeToString())
        del bare.input[2:]
        weight_error = self.error(w)
        weight = self.magnitude(w) + weight_error
        [from_weight] = self.run(bare, {0: self.magnitude(x), 1: weight_error})
        [from_input] = self.run(bare, {0: self.error(x), 1: weight})
        error = from_weight + from_input
        if len(node.input) > 2:
            bias = self.error(node.input[2])
            error = error + (bias.reshape([1, -1] + [1] * (error.ndim - 2)) if node.op_type == "Conv" else bias)
        return [error]


def compare(what, plain, found, bound):
    plain, found = plain.astype(np.float64), found.astype(np.float64)
    assert plain.shape == found.shape, f"{what}: {plain.shape} became {found.shape}"
    # Sums of float32 are off by themselves.
    slack = 1e-4 * np.abs(plain).max(initial=0) + 1e-12
    over = np.abs(plain - found) - bound - slack
    assert not (over > 0).any(), f"{what}: {over.max()} beyond a bound of {np.max(bound)}"


def check(case):
    plain, quantized = onnx.load(case["plain"]), onnx.load(case["quantized"])
    own = any(opset.domain == "com.microsoft" for opset in quantized.opset_import)
    inferred = quantized if own else onnx.shape_inference.infer_shapes(quantized, strict_mode=True, data_prop=True)
    onnx.checker.check_model(inferred, full_check=not own)
    inputs = {name: np.array(given["numbers"], np.float32).reshape(given["shape"])
              for name, given in case["inputs"].items()}
    expected, reached = all_values(plain, inputs), all_values(quantized, inputs)
    bounds = Bounds(quantized, reached, 1.5).errors
    for name, bound in bounds.items():
        if name in expected and expected[name].dtype == np.float32:
            compare(name, expected[name], reached[name], bound)
    wide = Bounds(quantized, reached, 2.5).errors
    runner = session(quantized, True)
    names = [output.name for output in runner.get_outputs()]
    for name, found in zip(names, runner.run(names, inputs)):
        compare(f"{name} of 8-bit kernels", expected[name], found, wide[name])


failures = []
cases = json.loads(pathlib.Path(sys.argv[1]).read_text())
for case in cases:
    try:
        check(case)
    except Exception as error:
        failures.append(f"{case['quantized']}: {type(error).__name__} {error}")
if failures:
    sys.exit("\n".join(failures))
print(len(cases))
