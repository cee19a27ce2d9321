"""Small models with weights of every kind, for the comparison of compiled models with plain ones."""
import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper, save
from onnxruntime.quantization import QuantType, quantize_dynamic

rng = np.random.default_rng(21)
tensor = h.make_tensor_value_info
node = h.make_node


def random(name, *shape, dtype=np.float32, scale=0.2):
    """A named tensor of small random numbers."""
    return numpy_helper.from_array((rng.standard_normal(shape) * scale).astype(dtype), name)


def exactly(name, values, dtype=np.float32):
    return numpy_helper.from_array(np.array(values, dtype), name)


def write(path, nodes, inputs, outputs, weights=(), **more):
    graph = h.make_graph(nodes, path.stem, inputs, outputs, list(weights), **more)
    opsets = [h.make_opsetid("", 21), h.make_opsetid("com.microsoft", 1)]
    save(h.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def transformer(out):
    """One layer of attention, quantized to int8 as people do it."""
    width, words = 96, 200
    nodes = [node("Gather", ["words", "ids"], ["x"])]
    nodes += [node("MatMul", ["x", f"w{k}"], [k]) for k in "qkv"]
    nodes += [
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]), node("MatMul", ["q", "kt"], ["s"]),
        node("Softmax", ["s"], ["p"], axis=-1), node("MatMul", ["p", "v"], ["a"]), node("Add", ["x", "a"], ["r"]),
        node("LayerNormalization", ["r", "gain", "shift"], ["n"]), node("MatMul", ["n", "up"], ["u"]),
        node("Gelu", ["u"], ["g"]), node("MatMul", ["g", "down"], ["d"]), node("Add", ["n", "d"], ["y"]),
    ]
    weights = [random("words", words, width), *(random(f"w{k}", width, width) for k in "qkv"), random("gain", width),
               random("shift", width), random("up", width, 4 * width), random("down", 4 * width, width)]
    plain = write(out / "transformer.onnx", nodes, [tensor("ids", T.INT64, ["n", "m"])],
                  [tensor("y", T.FLOAT, ["n", "m", width])], weights)
    small = out / "transformer-int8.onnx"
    quantize_dynamic(plain, small, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": T.FLOAT})
    steps = [{"ids": rng.integers(0, words, shape)} for shape in [(1, 7), (3, 32)]]
    return {"transformer": (plain, steps), "transformer-int8": (small, steps)}


def quantized_convolution(out):
    """Convolutions between QuantizeLinear and DequantizeLinear, with a scale for each channel."""
    def link(source, target, number):
        scale = [f"s{number}", f"z{number}"]
        return [node("QuantizeLinear", [source, *scale], [f"{target}_q"]),
                node("DequantizeLinear", [f"{target}_q", *scale], [target])]
    channels = 72
    weights = [numpy_helper.from_array(rng.integers(-127, 128, (channels, 3, 3, 3)).astype(np.int8), "w"),
               numpy_helper.from_array(rng.random(channels).astype(np.float32) * 0.01, "ws"),
               exactly("wz", np.zeros(channels), np.int8),
               numpy_helper.from_array(rng.integers(-999, 999, channels).astype(np.int32), "b"),
               numpy_helper.from_array(rng.random(channels).astype(np.float32) * 0.001, "bs"),
               exactly("bz", np.zeros(channels), np.int32)]
    for number, scale in enumerate([0.02, 0.05]):
        weights += [exactly(f"s{number}", scale), exactly(f"z{number}", 128, np.uint8)]
    nodes = [*link("x", "xd", 0), node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=0),
             node("DequantizeLinear", ["b", "bs", "bz"], ["bd"], axis=0),
             node("Conv", ["xd", "wd", "bd"], ["c"], pads=[1, 1, 1, 1]), node("Relu", ["c"], ["r"]), *link("r", "y", 1)]
    path = write(out / "qdq-conv.onnx", nodes, [tensor("x", T.FLOAT, ["n", 3, "h", "w"])],
                 [tensor("y", T.FLOAT, ["n", channels, "h", "w"])], weights)
    return {"qdq-conv": (path, [{"x": floats(n, 3, h, 9)} for n, h in [(1, 8), (2, 13)]])}


def four_bits(out):
    """Weights of four bits in blocks, computed in f32 and in int8."""
    rows, columns, block = 160, 96, 32
    nodes, weights = [], []
    for level, (source, target) in {0: ("x", "h"), 4: ("h", "y")}.items():
        k, n = (rows, columns) if level == 0 else (columns, rows)
        packed = rng.integers(0, 256, (n, k // block, block // 2)).astype(np.uint8)
        weights += [numpy_helper.from_array(packed, f"w{level}"),
                    numpy_helper.from_array(rng.random(n * k // block).astype(np.float32) * 0.02, f"s{level}")]
        nodes.append(node("MatMulNBits", [source, f"w{level}", f"s{level}"], [target], domain="com.microsoft",
                          K=k, N=n, bits=4, block_size=block, accuracy_level=level))
    path = write(out / "matmul-nbits.onnx", nodes, [tensor("x", T.FLOAT, ["n", rows])],
                 [tensor("y", T.FLOAT, ["n", rows])], weights)
    return {"matmul-nbits": (path, [{"x": floats(n, rows)} for n in (1, 17)])}


def recurrent(out):
    """LSTM in both directions, then GRU."""
    size, hidden = 24, 40
    weights = [random("w", 2, 4 * hidden, size), random("r", 2, 4 * hidden, hidden), random("b", 2, 8 * hidden),
               random("gw", 1, 3 * hidden, 2 * hidden), random("gr", 1, 3 * hidden, hidden), exactly("shape", [0, 0, -1], np.int64)]
    nodes = [node("LSTM", ["x", "w", "r", "b"], ["l"], hidden_size=hidden, direction="bidirectional"),
             node("Transpose", ["l"], ["t"], perm=[0, 2, 1, 3]), node("Reshape", ["t", "shape"], ["f"]),
             node("GRU", ["f", "gw", "gr"], ["y"], hidden_size=hidden)]
    path = write(out / "recurrent.onnx", nodes, [tensor("x", T.FLOAT, ["time", "n", size])],
                 [tensor("y", T.FLOAT, ["time", 1, "n", hidden])], weights)
    return {"recurrent": (path, [{"x": floats(time, n, size)} for time, n in [(5, 1), (12, 3)]])}


def branches(out):
    """Large weights inside of If in If and of Loop, and the same weight inside and outside."""
    size = 48
    def branch(name, nodes, weights=()):
        return h.make_graph(nodes, name, [], [tensor(nodes[-1].output[0], T.FLOAT, None)], list(weights))
    deep = branch("deep", [node("MatMul", ["x", "dw"], ["dy"])], [random("dw", size, size)])
    flat = branch("flat", [node("MatMul", ["x", "shared"], ["fy"])])
    yes = branch("yes", [node("If", ["inner"], ["yi"], then_branch=deep, else_branch=flat), node("Add", ["yi", "yb"], ["yy"])],
                 [random("yb", size)])
    no = branch("no", [node("MatMul", ["x", "nw"], ["nm"]), node("Relu", ["nm"], ["ny"])], [random("nw", size, size)])
    body = h.make_graph([node("MatMul", ["state", "lw"], ["m"]), node("Tanh", ["m"], ["next"]), node("Identity", ["on"], ["go"])],
                        "body", [tensor("i", T.INT64, []), tensor("on", T.BOOL, []), tensor("state", T.FLOAT, None)],
                        [tensor("go", T.BOOL, []), tensor("next", T.FLOAT, None)], [random("lw", size, size)])
    nodes = [node("If", ["outer"], ["o"], then_branch=yes, else_branch=no), node("Loop", ["count", "", "o"], ["l"], body=body),
             node("MatMul", ["l", "shared"], ["y"])]
    path = write(out / "branches.onnx", nodes,
                 [tensor("x", T.FLOAT, ["n", size]), tensor("outer", T.BOOL, []), tensor("inner", T.BOOL, []), tensor("count", T.INT64, [])],
                 [tensor("y", T.FLOAT, ["n", size])], [random("shared", size, size)])
    steps = [{"x": floats(3, size), "outer": np.array(a), "inner": np.array(b), "count": np.array(c)}
             for a, b, c in [(True, True, 2), (True, False, 0), (False, True, 5)]]
    return {"branches": (path, steps)}


def odd_sizes(out):
    """Weights whose sizes are no multiples of 64 bytes, so that one after the other would not be aligned."""
    weights = [random("w1", 360, 3, 3, 3), random("b1", 360), random("w2", 301, 360, 1, 1), random("b2", 301),
               random("w3", 301, 7), random("b3", 7), random("scale", 301, 1, 1)]
    nodes = [node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]), node("Relu", ["c1"], ["r1"]),
             node("Conv", ["r1", "w2", "b2"], ["c2"]), node("Mul", ["c2", "scale"], ["m"]),
             node("GlobalAveragePool", ["m"], ["p"]), node("Flatten", ["p"], ["f"]), node("Gemm", ["f", "w3", "b3"], ["y"])]
    path = write(out / "odd-sizes.onnx", nodes, [tensor("x", T.FLOAT, ["n", 3, "h", "w"])], [tensor("y", T.FLOAT, ["n", 7])], weights)
    return {"odd-sizes": (path, [{"x": floats(n, 3, side, side)} for n, side in [(1, 8), (2, 15)]])}


def kinds_of_weights(out):
    """Weights in other types, in constants, as outputs, twice the same, of no elements, and sparse."""
    table = rng.integers(-9, 9, (100, 120)).astype(np.int64)
    same = floats(32, 32) * 0.1
    sparse = h.make_sparse_tensor(exactly("sparse", rng.standard_normal(300)), exactly("at", np.arange(300) * 3, np.int64), [32, 32])
    weights = [random("double", 32, 32, dtype=np.float64), random("half", 32, 32, dtype=np.float16), exactly("table", table, np.int64),
               numpy_helper.from_array(same, "one"), numpy_helper.from_array(same, "two"), exactly("none", np.zeros((0, 32))),
               random("given", 300)]
    nodes = [
        node("Constant", [], ["constant"], value=random("c", 32, 32)), node("Cast", ["x"], ["xd"], to=T.DOUBLE),
        node("MatMul", ["xd", "double"], ["yd"]), node("Cast", ["x"], ["xh"], to=T.FLOAT16), node("MatMul", ["xh", "half"], ["yh"]),
        node("Gather", ["table", "i"], ["yi"]), node("MatMul", ["x", "one"], ["m1"]), node("MatMul", ["m1", "two"], ["m2"]),
        node("MatMul", ["m2", "constant"], ["m3"]), node("Concat", ["m3", "none"], ["m4"], axis=0), node("MatMul", ["m4", "sparse"], ["ys"]),
    ]
    outputs = [tensor("yd", T.DOUBLE, None), tensor("yh", T.FLOAT16, None), tensor("yi", T.INT64, None), tensor("ys", T.FLOAT, None),
               tensor("given", T.FLOAT, [300])]
    path = write(out / "kinds-of-weights.onnx", nodes, [tensor("x", T.FLOAT, ["n", 32]), tensor("i", T.INT64, ["k"])], outputs, weights,
                 sparse_initializer=[sparse])
    return {"kinds-of-weights": (path, [{"x": floats(n, 32), "i": rng.integers(0, 100, n)} for n in (1, 6)])}


def all_graphs(out):
    """Name, file and inputs of every model, written into a folder."""
    made = {}
    for make in (transformer, quantized_convolution, four_bits, recurrent, branches, odd_sizes, kinds_of_weights):
        made |= make(out)
    return made
