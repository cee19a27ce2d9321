"""Transformers as Keras, people and ONNX Runtime's own tool write them."""
import math

from onnx import TensorProto as T

from exporter_parts import (
    WIDTH, HEADS, INNER, LAYERS, SIZE, linear, norm, norm_steps, gelu_half_first, silu, words, embedded, added_mask,
    context_rows,
)


def tf_norm(g, x):
    """Layer normalization as TensorFlow writes it."""
    mean = g.mean(x)
    difference = g.op("Sub", x, mean)
    root = g.op("Sqrt", g.op("Add", g.mean(g.op("Mul", difference, difference)), g.constant(1e-3)))
    factor = g.op("Mul", g.op("Reciprocal", root), g.gain(WIDTH))
    shift = g.op("Sub", g.vector(WIDTH), g.op("Mul", mean, factor))
    return g.op("Add", g.op("Mul", x, factor), shift)


def tf2onnx_einsum(g):
    """Keras's MultiHeadAttention by tf2onnx, with Einsum."""
    ids = g.input("input_ids", T.INT64, ["unk__1", "unk__2"])
    mask = g.input("attention_mask", T.INT64, ["unk__3", "unk__4"])
    x, mask = embedded(g, ids), added_mask(g, mask, -1e9)

    def dense(value, equation, shape, bias):
        return g.op("Add", g.op("Einsum", value, g.weight(*shape, scale=0.18), equation=equation), g.vector(*bias))
    for _ in range(LAYERS):
        q, k, v = (dense(x, "abc,cde->abde", (WIDTH, HEADS, SIZE), (HEADS, SIZE)) for _ in range(3))
        q = g.op("Mul", q, g.constant(SIZE ** -0.5))
        scores = g.op("Add", g.op("Einsum", k, q, equation="aecd,abcd->acbe"), mask)
        context = g.op("Einsum", g.op("Softmax", scores, axis=-1), v, equation="acbe,aecd->abcd")
        x = tf_norm(g, g.op("Add", x, dense(context, "abcd,cde->abe", (HEADS, SIZE, WIDTH), (WIDTH,))))
        inner = gelu_half_first(g, linear(g, x, WIDTH, INNER))
        x = tf_norm(g, g.op("Add", x, linear(g, inner, INNER, WIDTH)))
    return x


def keras_matmul(g):
    """The same layers with weights of three axes, which tf2onnx makes matrices of: rows flattened and brought back."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), added_mask(g, mask, -1e9)

    def dense(value, k, n, shape):
        flat = g.op("Reshape", value, g.ints(-1, k))
        parts = [g.dim(value, 0), g.dim(value, 1), g.ints(*shape)]
        return g.op("Add", g.op("Reshape", g.op("MatMul", flat, g.weight(k, n)), g.op("Concat", *parts, axis=0)), g.vector(*shape))
    for _ in range(LAYERS):
        q, k, v = (dense(x, WIDTH, WIDTH, (HEADS, SIZE)) for _ in range(3))
        q = g.op("Transpose", g.op("Mul", q, g.constant(SIZE ** -0.5)), perm=[0, 2, 1, 3])
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 3, 1]))
        context = g.op("Softmax", g.op("Add", scores, mask), axis=-1)
        context = g.op("Transpose", g.op("MatMul", context, g.op("Transpose", v, perm=[0, 2, 1, 3])), perm=[0, 2, 1, 3])
        x = tf_norm(g, g.op("Add", x, dense(context_rows(g, context), WIDTH, WIDTH, (WIDTH,))))
        x = tf_norm(g, g.op("Add", x, dense(gelu_half_first(g, dense(x, WIDTH, INNER, (INNER,))), INNER, WIDTH, (WIDTH,))))
    return x


def hand_gemm(g):
    """Written by hand for one operator set: rows in two axes, Gemm with a transposed weight, Relu."""
    ids, mask = words(g)
    x, mask = g.op("Reshape", embedded(g, ids), g.ints(-1, WIDTH)), added_mask(g, mask, -10000.0)
    shape = g.op("Concat", g.op("Shape", ids), g.ints(HEADS, SIZE), axis=0)

    def gemm(value, k, n):
        return g.op("Gemm", value, g.weight(n, k, scale=1.5 / math.sqrt(k)), g.vector(n), transB=1)
    for _ in range(LAYERS):
        q, k, v = (g.op("Reshape", gemm(x, WIDTH, WIDTH), shape) for _ in range(3))
        q, k, v = (g.op("Transpose", value, perm=perm) for value, perm in
                   ((q, [0, 2, 1, 3]), (k, [0, 2, 3, 1]), (v, [0, 2, 1, 3])))
        scores = g.op("Add", g.op("Mul", g.op("MatMul", q, k), g.constant(SIZE ** -0.5)), mask)
        context = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=3), v), perm=[0, 2, 1, 3])
        context = g.op("Reshape", context, g.ints(-1, WIDTH))
        x = norm(g, g.op("Add", gemm(context, WIDTH, WIDTH), x))
        x = norm(g, g.op("Add", gemm(g.op("Relu", gemm(x, WIDTH, INNER)), INNER, WIDTH), x))
    return g.op("Reshape", x, g.op("Concat", g.op("Shape", ids), g.ints(WIDTH), axis=0))


def microsoft_attention(g):
    """As ONNX Runtime's own tool fuses it: one operator for projections and attention."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), g.op("Cast", mask, to=T.INT32)
    for _ in range(LAYERS):
        context = g.microsoft("Attention", x, g.weight(WIDTH, 3 * WIDTH), g.vector(3 * WIDTH), mask, num_heads=HEADS)
        x = g.microsoft("SkipLayerNormalization", g.op("MatMul", context, g.weight(WIDTH, WIDTH)), x, g.gain(WIDTH),
                        g.vector(WIDTH), g.vector(WIDTH), epsilon=1e-5)
        inner = g.microsoft("BiasGelu", g.op("MatMul", x, g.weight(WIDTH, INNER)), g.vector(INNER))
        x = g.microsoft("SkipLayerNormalization", x, g.op("MatMul", inner, g.weight(INNER, WIDTH)), g.gain(WIDTH),
                        g.vector(WIDTH), g.vector(WIDTH), epsilon=1e-5)
    return x


def microsoft_multi_head(g):
    """The same with projections apart, and their biases in the operator."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), g.op("Cast", mask, to=T.INT32)
    for _ in range(LAYERS):
        q, k, v = (g.op("MatMul", x, g.weight(WIDTH, WIDTH)) for _ in range(3))
        context = g.microsoft("MultiHeadAttention", q, k, v, g.vector(3 * WIDTH), mask, num_heads=HEADS)
        x = g.microsoft("SkipLayerNormalization", linear(g, context, WIDTH, WIDTH), x, g.gain(WIDTH), g.vector(WIDTH),
                        epsilon=1e-5)
        inner = g.microsoft("FastGelu", g.op("MatMul", x, g.weight(WIDTH, INNER)), g.vector(INNER))
        x = g.microsoft("SkipLayerNormalization", x, linear(g, inner, INNER, WIDTH), g.gain(WIDTH), g.vector(WIDTH),
                        epsilon=1e-5)
    return x


def single_head(g):
    """No heads at all, operator set 12: a transposed copy of the weight, Sum as residual, batches in matrices."""
    ids, _ = words(g, with_mask=False)
    x = embedded(g, ids)
    for _ in range(LAYERS):
        q, k, v = (g.op("MatMul", x, g.op("Transpose", g.weight(WIDTH, WIDTH), perm=[1, 0])) for _ in range(3))
        scores = g.op("Mul", g.constant(WIDTH ** -0.5), g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1])))
        x = norm_steps(g, g.op("Sum", x, g.op("MatMul", g.op("Softmax", scores, axis=2), v)))
        x = norm_steps(g, g.op("Sum", linear(g, silu(g, linear(g, x, WIDTH, INNER)), INNER, WIDTH), x))
    return x
