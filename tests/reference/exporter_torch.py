"""Transformers as exporters of PyTorch write them."""
import math

import numpy as np
from onnx import TensorProto as T

from exporter_parts import (
    WIDTH, HEADS, INNER, PLACES, LAYERS, SIZE, LOWEST, linear, norm, norm_steps, rms_steps, gelu_steps,
    gelu_half_first, gelu_tanh_steps, silu, words, embedded, added_mask, context_rows,
)


def torch_script(g):
    """BERT by torch.onnx.export with tracing: shapes from shapes, everything in steps."""
    ids, mask = words(g)
    length = g.dim(ids, 1)
    places = g.op("Slice", g.constant([list(range(PLACES))], np.int64), g.ints(0), length, g.ints(1))
    x = g.op("Add", embedded(g, ids), g.op("Gather", g.weight(PLACES, WIDTH, scale=0.3), places))
    x, mask = norm_steps(g, x), added_mask(g, mask)

    def heads(value, perm):
        shape = g.op("Concat", g.dim(value, 0), g.dim(value, 1), g.ints(HEADS), g.ints(SIZE), axis=0)
        return g.op("Transpose", g.op("Reshape", value, shape), perm=perm)
    for _ in range(LAYERS):
        q = heads(linear(g, x, WIDTH, WIDTH, True), [0, 2, 1, 3])
        k = heads(linear(g, x, WIDTH, WIDTH, True), [0, 2, 3, 1])
        v = heads(linear(g, x, WIDTH, WIDTH, True), [0, 2, 1, 3])
        scores = g.op("Div", g.op("MatMul", q, k), g.constant(math.sqrt(SIZE)))
        context = g.op("MatMul", g.op("Softmax", g.op("Add", scores, mask), axis=-1), v)
        context = g.op("Transpose", context, perm=[0, 2, 1, 3])
        shape = g.op("Concat", g.dim(context, 0), g.dim(context, 1), g.ints(WIDTH), axis=0)
        x = norm_steps(g, g.op("Add", linear(g, g.op("Reshape", context, shape), WIDTH, WIDTH, True), x))
        inner = gelu_steps(g, linear(g, x, WIDTH, INNER, True))
        x = norm_steps(g, g.op("Add", linear(g, inner, INNER, WIDTH, True), x))
    return x


def torch_script_sdpa(g):
    """A pre-norm encoder by tracing, scaled_dot_product_attention: roots of factors computed from shapes."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), added_mask(g, mask)

    def heads(value):
        shape = g.op("Concat", g.dim(value, 0), g.ints(-1), g.ints(HEADS), g.ints(SIZE), axis=0)
        return g.op("Transpose", g.op("Reshape", value, shape), perm=[0, 2, 1, 3])
    for _ in range(LAYERS):
        n = norm(g, x)
        q, k, v = (heads(linear(g, n, WIDTH, WIDTH)) for _ in range(3))
        last = g.op("Slice", g.op("Shape", q), g.ints(-1), g.ints(2**63 - 1))
        factor = g.op("Div", g.constant([1.0]), g.op("Sqrt", g.op("Cast", last, to=T.FLOAT)))
        kt = g.op("Transpose", k, perm=[0, 1, 3, 2])
        scores = g.op("MatMul", g.op("Mul", q, g.op("Sqrt", factor)), g.op("Mul", kt, g.op("Sqrt", factor)))
        context = g.op("MatMul", g.op("Softmax", g.op("Add", scores, mask), axis=-1), v)
        context = g.op("Transpose", context, perm=[0, 2, 1, 3])
        shape = g.op("Concat", g.dim(context, 0), g.ints(-1), g.ints(WIDTH), axis=0)
        x = g.op("Add", x, linear(g, g.op("Reshape", context, shape), WIDTH, WIDTH))
        inner = gelu_half_first(g, linear(g, norm(g, x), WIDTH, INNER))
        x = g.op("Add", x, linear(g, inner, INNER, WIDTH))
    return norm(g, x)


def dynamo_mask(g, mask, x):
    """A mask of booleans as torch.export makes it, stretched over the queries."""
    kept = g.unsqueeze(g.op("Cast", mask, to=T.BOOL), 1, 2)
    shape = g.op("Concat", g.dim(x, 0), g.ints(1), g.dim(x, 1), g.dim(x, 1), axis=0)
    return g.op("Expand", kept, shape)


def torch_dynamo_18(g):
    """torch.export with operator set 18: attention decomposed, factors split between queries and keys."""
    ids, mask = words(g)
    x = embedded(g, ids)
    mask = g.op("Where", dynamo_mask(g, mask, x), g.constant(0.0), g.constant(-math.inf))
    shape = g.op("Concat", g.dim(x, 0), g.dim(x, 1), g.ints(HEADS, SIZE), axis=0)
    joined = g.op("Concat", g.dim(x, 0), g.dim(x, 1), g.ints(WIDTH), axis=0)
    factor = g.constant(SIZE ** -0.25)
    for _ in range(LAYERS):
        n = norm(g, x)
        q, k, v = (g.op("Transpose", g.op("Reshape", linear(g, n, WIDTH, WIDTH), shape, allowzero=1), perm=[0, 2, 1, 3])
                   for _ in range(3))
        flat = g.op("Reshape", k, g.op("Concat", g.ints(-1), g.dim(x, 1), g.ints(SIZE), axis=0))
        turned = g.op("Transpose", flat, perm=[0, 2, 1])
        kt = g.op("Reshape", turned, g.op("Concat", g.dim(x, 0), g.ints(HEADS, SIZE), g.dim(x, 1), axis=0))
        scores = g.op("MatMul", g.op("Mul", q, factor), g.op("Mul", kt, factor))
        context = g.op("MatMul", g.op("Softmax", g.op("Add", scores, mask), axis=-1), v)
        context = g.op("Reshape", g.op("Transpose", context, perm=[0, 2, 1, 3]), joined, allowzero=1)
        x = g.op("Add", x, linear(g, context, WIDTH, WIDTH))
        inner = gelu_steps(g, linear(g, norm(g, x), WIDTH, INNER))
        x = g.op("Add", x, linear(g, inner, INNER, WIDTH))
    return norm(g, x)


def torch_dynamo_23(g):
    """torch.export with operator set 23, which has an operator for attention, and one for GELU."""
    ids, mask = words(g)
    x = embedded(g, ids)
    mask = dynamo_mask(g, mask, x)
    shape = g.op("Concat", g.dim(x, 0), g.dim(x, 1), g.ints(HEADS, SIZE), axis=0)
    joined = g.op("Concat", g.dim(x, 0), g.dim(x, 1), g.ints(WIDTH), axis=0)
    for layer in range(LAYERS):
        n = norm(g, x)
        q, k, v = (linear(g, n, WIDTH, WIDTH) for _ in range(3))
        if layer == 0:
            q, k, v = (g.op("Transpose", g.op("Reshape", value, shape), perm=[0, 2, 1, 3]) for value in (q, k, v))
            context = g.op("Attention", q, k, v, mask, scale=SIZE ** -0.5)
            context = g.op("Reshape", g.op("Transpose", context, perm=[0, 2, 1, 3]), joined)
        else:
            context = g.op("Attention", q, k, v, mask, q_num_heads=HEADS, kv_num_heads=HEADS)
        x = g.op("Add", x, linear(g, context, WIDTH, WIDTH))
        inner = g.op("Gelu", linear(g, norm(g, x), WIDTH, INNER), approximate="tanh" if layer else "none")
        x = g.op("Add", x, linear(g, inner, INNER, WIDTH))
    return norm(g, x)


def optimum(g):
    """DistilBERT by optimum: queries are divided, scores of padding replaced by the lowest number."""
    ids, mask = words(g)
    x = norm_steps(g, embedded(g, ids))
    is_padding = g.op("Equal", mask, g.int(0))

    def heads(value):
        shape = g.op("Concat", g.dim(value, 0), g.ints(-1), g.ints(HEADS), g.ints(SIZE), axis=0)
        return g.op("Transpose", g.op("Reshape", value, shape), perm=[0, 2, 1, 3])
    for _ in range(LAYERS):
        q, k, v = (heads(linear(g, x, WIDTH, WIDTH, True)) for _ in range(3))
        q = g.op("Div", q, g.constant(math.sqrt(SIZE)))
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
        shape = g.op("Concat", g.dim(ids, 0), g.ints(1), g.ints(1), g.dim(ids, 1), axis=0)
        hidden = g.op("Expand", g.op("Reshape", is_padding, shape), g.op("Shape", scores))
        masked = g.op("Where", g.op("Cast", hidden, to=T.BOOL), g.constant(LOWEST), scores)
        context = g.op("Transpose", g.op("MatMul", g.op("Softmax", masked, axis=-1), v), perm=[0, 2, 1, 3])
        shape = g.op("Concat", g.dim(context, 0), g.ints(-1), g.ints(WIDTH), axis=0)
        x = norm_steps(g, g.op("Add", linear(g, g.op("Reshape", context, shape), WIDTH, WIDTH, True), x))
        x = norm_steps(g, g.op("Add", linear(g, gelu_steps(g, linear(g, x, WIDTH, INNER, True)), INNER, WIDTH, True), x))
    return x


def gpt2(g):
    """GPT-2 by tracing: one projection in Gemm for flattened rows, Split, a triangle of booleans."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), added_mask(g, mask)
    triangle = g.constant(np.tril(np.ones((1, 1, PLACES, PLACES), bool)).tolist(), bool)

    def conv1d(value, k, n):
        flat = g.op("Reshape", value, g.ints(-1, k))
        product = g.op("Gemm", flat, g.weight(k, n), g.vector(n))
        return g.op("Reshape", product, g.op("Concat", g.dim(value, 0), g.dim(value, 1), g.ints(n), axis=0))

    def heads(value, perm):
        shape = g.op("Concat", g.dim(value, 0), g.dim(value, 1), g.ints(HEADS), g.ints(-1), axis=0)
        return g.op("Transpose", g.op("Reshape", value, shape), perm=perm)
    for _ in range(LAYERS):
        merged = conv1d(norm(g, x), WIDTH, 3 * WIDTH)
        q, k, v = g.op("Split", merged, g.ints(WIDTH, WIDTH, WIDTH), outputs=3, axis=2)
        q, k, v = heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1]), heads(v, [0, 2, 1, 3])
        scores = g.op("Div", g.op("MatMul", q, k), g.constant(math.sqrt(SIZE)))
        length = g.dim(ids, 1)
        visible = g.op("Slice", g.op("Slice", triangle, g.ints(0), length, g.ints(2)), g.ints(0), length, g.ints(3))
        scores = g.op("Add", g.op("Where", visible, scores, g.constant(LOWEST)), mask)
        context = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        shape = g.op("Concat", g.dim(context, 0), g.dim(context, 1), g.ints(WIDTH), axis=0)
        x = g.op("Add", conv1d(g.op("Reshape", context, shape), WIDTH, WIDTH), x)
        x = g.op("Add", x, conv1d(gelu_tanh_steps(g, conv1d(norm(g, x), WIDTH, INNER)), INNER, WIDTH))
    return norm(g, x)


def vit(g, takes="Gather"):
    """timm's vision transformer: one projection, five axes, and three parts of the first."""
    x = g.input("patches", T.FLOAT, ["batch", "sequence", WIDTH])
    for _ in range(LAYERS):
        merged = linear(g, norm(g, x), WIDTH, 3 * WIDTH)
        shape = g.op("Concat", g.dim(merged, 0), g.dim(merged, 1), g.ints(3), g.ints(HEADS), g.ints(SIZE), axis=0)
        parts = g.op("Transpose", g.op("Reshape", merged, shape), perm=[2, 0, 3, 1, 4])
        if takes == "Gather":
            q, k, v = (g.op("Gather", parts, g.int(at), axis=0) for at in range(3))
        else:
            pieces = g.op("Split", parts, outputs=3, axis=0) if g.opset < 18 else g.op("Split", parts, outputs=3, axis=0, num_outputs=3)
            q, k, v = (g.squeeze(piece, 0) for piece in pieces)
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = g.op("Mul", scores, g.constant(SIZE ** -0.5))
        context = g.op("Transpose", g.op("MatMul", g.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        shape = g.op("Concat", g.dim(merged, 0), g.dim(merged, 1), g.ints(WIDTH), axis=0)
        x = g.op("Add", x, linear(g, g.op("Reshape", context, shape), WIDTH, WIDTH))
        x = g.op("Add", x, linear(g, gelu_steps(g, linear(g, norm(g, x), WIDTH, INNER)), INNER, WIDTH))
    return norm(g, x)


def vit_split(g):
    return vit(g, "Split")


def llama(g):
    """RMSNorm in steps, rotated queries and keys, two queries for each key, a gate with SiLU."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), added_mask(g, mask)
    own = HEADS // 2
    angles = np.arange(PLACES)[:, None] / 100 ** (np.arange(SIZE // 2) / (SIZE // 2))
    angles = np.concatenate([angles, angles], -1)[None, None]
    length = g.dim(ids, 1)
    cosine, sine = (g.op("Slice", g.weight(values=table), g.ints(0), length, g.ints(2)) for table in (np.cos(angles), np.sin(angles)))

    def heads(value, count):
        shape = g.op("Concat", g.dim(value, 0), g.dim(value, 1), g.ints(count), g.ints(SIZE), axis=0)
        return g.op("Transpose", g.op("Reshape", value, shape), perm=[0, 2, 1, 3])

    def rotated(value):
        first = g.op("Slice", value, g.ints(0), g.ints(SIZE // 2), g.ints(3))
        second = g.op("Slice", value, g.ints(SIZE // 2), g.ints(2**63 - 1), g.ints(3))
        half = g.op("Concat", g.op("Neg", second), first, axis=-1)
        return g.op("Add", g.op("Mul", value, cosine), g.op("Mul", half, sine))

    def repeated(value):
        wide = g.op("Concat", g.dim(value, 0), g.ints(own), g.ints(2), g.dim(value, 2), g.ints(SIZE), axis=0)
        shape = g.op("Concat", g.dim(value, 0), g.ints(HEADS), g.dim(value, 2), g.ints(SIZE), axis=0)
        return g.op("Reshape", g.op("Expand", g.unsqueeze(value, 2), wide), shape)

    def plain(value, k, n):
        return g.op("MatMul", value, g.weight(k, n))
    for _ in range(LAYERS):
        n = rms_steps(g, x)
        q, k = rotated(heads(plain(n, WIDTH, WIDTH), HEADS)), rotated(heads(plain(n, WIDTH, own * SIZE), own))
        k, v = repeated(k), repeated(heads(plain(n, WIDTH, own * SIZE), own))
        scores = g.op("Div", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])), g.constant(math.sqrt(SIZE)))
        context = g.op("MatMul", g.op("Softmax", g.op("Add", scores, mask), axis=-1), v)
        context = context_rows(g, g.op("Transpose", context, perm=[0, 2, 1, 3]))
        x = g.op("Add", x, plain(context, WIDTH, WIDTH))
        n = rms_steps(g, x)
        gate = g.op("Mul", silu(g, plain(n, WIDTH, INNER)), plain(n, WIDTH, INNER))
        x = g.op("Add", x, plain(gate, INNER, WIDTH))
    return rms_steps(g, x)


def joined_heads(g):
    """OPT by tracing: batch and heads in one axis, a mask added with the axes apart."""
    ids, mask = words(g)
    x, mask = embedded(g, ids), added_mask(g, mask)
    for _ in range(LAYERS):
        n = norm(g, x)
        apart = g.op("Concat", g.dim(n, 0), g.ints(-1), g.ints(HEADS), g.ints(SIZE), axis=0)
        together = g.op("Concat", g.op("Mul", g.dim(n, 0), g.ints(HEADS)), g.ints(-1), g.ints(SIZE), axis=0)
        q = g.op("Mul", linear(g, n, WIDTH, WIDTH), g.constant(SIZE ** -0.5))
        q, k, v = (g.op("Reshape", g.op("Transpose", g.op("Reshape", value, apart), perm=[0, 2, 1, 3]), together)
                   for value in (q, linear(g, n, WIDTH, WIDTH), linear(g, n, WIDTH, WIDTH)))
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 1]))
        four = g.op("Concat", g.dim(n, 0), g.ints(HEADS), g.dim(n, 1), g.dim(n, 1), axis=0)
        scores = g.op("Add", g.op("Reshape", scores, four), mask)
        three = g.op("Concat", g.op("Mul", g.dim(n, 0), g.ints(HEADS)), g.dim(n, 1), g.dim(n, 1), axis=0)
        context = g.op("MatMul", g.op("Softmax", g.op("Reshape", scores, three), axis=-1), v)
        four = g.op("Concat", g.dim(n, 0), g.ints(HEADS), g.dim(n, 1), g.ints(SIZE), axis=0)
        context = g.op("Transpose", g.op("Reshape", context, four), perm=[0, 2, 1, 3])
        three = g.op("Concat", g.dim(n, 0), g.dim(n, 1), g.ints(WIDTH), axis=0)
        x = g.op("Add", x, linear(g, g.op("Reshape", context, three), WIDTH, WIDTH))
        x = g.op("Add", x, linear(g, g.op("Relu", linear(g, norm(g, x), WIDTH, INNER)), INNER, WIDTH))
    return norm(g, x)
