"""What the styles of exporters are made of: a graph that is written node by node, and the layers of transformers."""
import math

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper

WIDTH, HEADS, INNER, WORDS, PLACES, LAYERS = 64, 4, 128, 1100, 48, 2
SIZE = WIDTH // HEADS
LOWEST = float(np.finfo(np.float32).min)
rng = np.random.default_rng(9)


class Graph:
    """Collects nodes and constants; operators are called with their inputs and give the name of their output."""

    def __init__(self, opset, constants_as_nodes=False):
        self.opset, self.as_nodes = opset, constants_as_nodes
        self.nodes, self.weights, self.inputs, self.count = [], [], [], 0
        self.known = {}

    def name(self, op):
        self.count += 1
        return f"/{op}_{self.count}"

    def op(self, op, *inputs, outputs=1, **attributes):
        name = self.name(op)
        names = [f"{name}_output_{at}" for at in range(outputs)]
        self.nodes.append(h.make_node(op, list(inputs), names, name=name, **attributes))
        return names[0] if outputs == 1 else names

    def microsoft(self, op, *inputs, outputs=1, **attributes):
        return self.op(op, *inputs, outputs=outputs, domain="com.microsoft", **attributes)

    def weight(self, *shape, scale=None, values=None):
        name = f"w{len(self.weights)}"
        if values is None:
            values = rng.standard_normal(shape) * (scale or 1.5 / math.sqrt(shape[0]))
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def vector(self, *shape):
        return self.weight(*shape, scale=0.3)

    def gain(self, *shape):
        return self.weight(values=1 + 0.2 * rng.standard_normal(shape))

    def constant(self, values, dtype=np.float32):
        tensor = numpy_helper.from_array(np.array(values, dtype), f"c{len(self.known)}")
        key = (str(values), np.dtype(dtype).name)
        if key not in self.known:
            if self.as_nodes:
                self.known[key] = self.op("Constant", value=tensor)
            else:
                self.weights.append(tensor)
                self.known[key] = tensor.name
        return self.known[key]

    def ints(self, *values):
        return self.constant(list(values), np.int64)

    def int(self, value):
        return self.constant(value, np.int64)

    def input(self, name, dtype, shape):
        self.inputs.append(h.make_tensor_value_info(name, dtype, shape))
        return name

    def dim(self, value, axis):
        """A size as the older exporter of torch takes it, as a tensor of one element."""
        size = self.op("Gather", self.op("Shape", value), self.int(axis), axis=0)
        return self.unsqueeze(size, 0)

    def unsqueeze(self, value, *axes):
        if self.opset < 13:
            return self.op("Unsqueeze", value, axes=list(axes))
        return self.op("Unsqueeze", value, self.ints(*axes))

    def squeeze(self, value, *axes):
        if self.opset < 13:
            return self.op("Squeeze", value, axes=list(axes))
        return self.op("Squeeze", value, self.ints(*axes))

    def mean(self, value):
        if self.opset < 18:
            return self.op("ReduceMean", value, axes=[-1], keepdims=1)
        return self.op("ReduceMean", value, self.ints(-1), keepdims=1)

    def write(self, path, output, shape):
        self.nodes.append(h.make_node("Identity", [output], ["y"], name="/last"))
        graph = h.make_graph(self.nodes, path.stem, self.inputs, [h.make_tensor_value_info("y", T.FLOAT, shape)], self.weights)
        opsets = [h.make_opsetid("", self.opset), h.make_opsetid("com.microsoft", 1)]
        onnx.save(h.make_model(graph, opset_imports=opsets, ir_version=8 if self.opset < 23 else 11), path)


# What layers are made of.

def linear(g, x, k, n, bias_first=False):
    product = g.op("MatMul", x, g.weight(k, n))
    bias = g.vector(n)
    return g.op("Add", bias, product) if bias_first else g.op("Add", product, bias)


def norm(g, x):
    if g.opset < 17:
        return norm_steps(g, x)
    return g.op("LayerNormalization", x, g.gain(WIDTH), g.vector(WIDTH), axis=-1, epsilon=1e-5)


def norm_steps(g, x):
    difference = g.op("Sub", x, g.mean(x))
    square = g.op("Pow", difference, g.constant(2.0))
    root = g.op("Sqrt", g.op("Add", g.mean(square), g.constant(1e-5)))
    quotient = g.op("Div", difference, root)
    return g.op("Add", g.op("Mul", quotient, g.gain(WIDTH)), g.vector(WIDTH))


def rms_steps(g, x):
    square = g.op("Pow", x, g.constant(2.0))
    root = g.op("Sqrt", g.op("Add", g.mean(square), g.constant(1e-6)))
    return g.op("Mul", g.gain(WIDTH), g.op("Mul", x, g.op("Div", g.constant(1.0), root)))


def gelu_steps(g, x):
    sum_ = g.op("Add", g.op("Erf", g.op("Div", x, g.constant(math.sqrt(2)))), g.constant(1.0))
    return g.op("Mul", g.op("Mul", x, sum_), g.constant(0.5))


def gelu_half_first(g, x):
    sum_ = g.op("Add", g.constant(1.0), g.op("Erf", g.op("Mul", x, g.constant(math.sqrt(0.5)))))
    return g.op("Mul", g.op("Mul", g.constant(0.5), x), sum_)


def gelu_tanh_steps(g, x):
    cube = g.op("Mul", g.op("Pow", x, g.constant(3.0)), g.constant(0.044715))
    inner = g.op("Mul", g.op("Add", x, cube), g.constant(math.sqrt(2 / math.pi)))
    return g.op("Mul", g.op("Mul", x, g.constant(0.5)), g.op("Add", g.op("Tanh", inner), g.constant(1.0)))


def silu(g, x):
    return g.op("Mul", x, g.op("Sigmoid", x))


def words(g, with_mask=True):
    ids = g.input("input_ids", T.INT64, ["batch", "sequence"])
    mask = g.input("attention_mask", T.INT64, ["batch", "sequence"]) if with_mask else None
    return ids, mask


def embedded(g, ids):
    return g.op("Gather", g.weight(WORDS, WIDTH, scale=0.7), ids)


def added_mask(g, mask, lowest=LOWEST):
    wide = g.op("Cast", g.unsqueeze(g.unsqueeze(mask, 1), 2), to=T.FLOAT)
    return g.op("Mul", g.op("Sub", g.constant(1.0), wide), g.constant(lowest))


def context_rows(g, context):
    parts = [g.dim(context, 0), g.dim(context, 1), g.ints(WIDTH)]
    return g.op("Reshape", context, g.op("Concat", *parts, axis=0))
