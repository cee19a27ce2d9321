#!/usr/bin/env python3
"""Compare the weights of quantized models with NumPy's arithmetic, and have onnx check the models.

usage: quantized.py full|reduced [FLOAT.onnx INT8.onnx]...
reduced: two neighbours of one sign in a column of a product share the range of one
"""
import sys

import numpy as np
import onnx
from onnx import numpy_helper


def graphs(graph):
    """The graph and all inside of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from graphs(inner)


def constants(model):
    found = {}
    for graph in graphs(model.graph):
        found |= {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def quantized(weights, axis, reduced=False):
    """Whole numbers and scales, one scale for each index that is left when `axis` is gone."""
    largest = np.abs(weights).max(axis=axis, keepdims=True, initial=0)
    if reduced:
        for part in (np.maximum(weights, 0), np.maximum(-weights, 0)):
            with np.errstate(over="ignore"):
                sums = part[:-1] + part[1:]
            largest = np.maximum(largest, sums.max(axis=0, keepdims=True, initial=0))
    scales = np.minimum(largest, np.finfo(np.float32).max) / np.float32(127)
    scales[scales < np.finfo(np.float32).tiny] = 1
    return np.clip(np.rint(weights / scales), -127, 127).astype(np.int8), scales


def layers(model):
    """Name of a layer to its operator and the names of its quantized weight and scales."""
    for node in (node for graph in graphs(model.graph) for node in graph.node):
        if node.op_type == "DynamicQuantizeMatMul":
            yield node.name, (node.input[1], node.input[2])
        elif node.op_type == "MatMulInteger":
            yield node.name, (node.input[1], node.input[1].replace("_int8", "_scale"))
        elif node.op_type == "Gather" and node.name.endswith("_gather_rows"):
            yield node.name.removesuffix("_gather_rows"), (node.input[0], node.input[0].replace("_int8", "_scale"))


def compare(plain, small, reduced):
    before, after = constants(plain), constants(small)
    originals = {node.name or node.output[0]: node for graph in graphs(plain.graph) for node in graph.node}
    count = 0
    for name, (values, scales) in layers(small):
        node = originals[name]
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Gather":
            expected, expected_scales = quantized(before[node.input[0]], 1)
        else:
            weights = before[node.input[1]] * np.float32(attributes.get("alpha", 1))
            weights = weights.T if attributes.get("transB") else weights
            expected, expected_scales = quantized(weights, 0, reduced)
            expected_scales = expected_scales[0]
        assert after[values].dtype == np.int8 and after[scales].dtype == np.float32, name
        np.testing.assert_array_equal(after[values], expected, err_msg=name)
        np.testing.assert_array_equal(after[scales], expected_scales, err_msg=name)
        count += 1
    return count


reduced, paths = sys.argv[1] == "reduced", sys.argv[2:]
for plain_path, small_path in zip(paths[::2], paths[1::2]):
    plain, small = onnx.load(plain_path), onnx.load(small_path)
    onnx.checker.check_model(small, full_check=True)
    print(compare(plain, small, reduced))
