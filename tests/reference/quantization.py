#!/usr/bin/env python3
"""Quantize with plain NumPy, for Ortlet to be compared with.

usage: quantization.py blocks FILE K N BITS BLOCK_SIZE SYMMETRIC
       quantization.py ranges FILE
FILE: little-endian float32 numbers; SYMMETRIC: 0 or 1. Prints JSON.
"""
import json
import sys

import numpy as np


def blocks(weights, bits, size, symmetric):
    """Codes [N, blocks, size], scales [N, blocks] and zero points [N, blocks] of a matrix [K, N]."""
    padding = -weights.shape[0] % size
    blocks = np.pad(weights, ((0, padding), (0, 0))).T.reshape(weights.shape[1], -1, size).astype(np.float64)
    if symmetric:
        furthest = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)[..., 0]
        scales = (furthest / -(2 ** (bits - 1))).astype(np.float32)
        zero_points = np.full(scales.shape, 2 ** (bits - 1))
    else:
        low, high = np.minimum(blocks.min(-1), 0), np.maximum(blocks.max(-1), 0)
        scales = ((high - low) / (2**bits - 1)).astype(np.float32)
        zero_points = np.clip(np.rint(-low / scales.astype(np.float64)), 0, 2**bits - 1)
    codes = np.rint(blocks / scales.astype(np.float64)[..., None]) + zero_points[..., None]
    return np.clip(codes, 0, 2**bits - 1).astype(int), scales, zero_points.astype(int)


def squared_error(values, counts, low, high, scheme):
    """Mean squared error of the values, which occur so often, quantized to this range."""
    if scheme == "symmetric_s8":
        first, last, scale, zero_point = -127, 127, max(-low, high) / 127, 0
    else:
        first, last, scale = 0, 255, (max(high, 0) - min(low, 0)) / 255
        zero_point = np.rint(-min(low, 0) / scale)
    codes = np.clip(np.rint(values / scale) + zero_point, first, last)
    return float(np.average((values - (codes - zero_point) * scale) ** 2, weights=counts))


def least_squared_error(values, scheme):
    """Of every range on a grid: the ends that exist, cut to fractions of themselves."""
    values, counts = np.unique(values, return_counts=True)
    low, high = float(values[0]), float(values[-1])
    if scheme == "symmetric_s8":
        far = max(-low, high)
        return min(squared_error(values, counts, -far * f, far * f, scheme) for f in np.geomspace(1e-3, 1, 1000))
    fractions = np.concatenate([np.geomspace(1e-3, 0.29, 20), np.linspace(0.3, 1, 57)])
    lows = [low * f for f in fractions] if low < 0 else [0.0]
    highs = [high * f for f in fractions] if high > 0 else [0.0]
    return min(squared_error(values, counts, a, b, scheme) for a in lows for b in highs)


def divergence(bins, kept, levels):
    """Kullback-Leibler divergence of `kept` bins merged into `levels` from the same bins with the rest in the last."""
    reference = bins[:kept].copy()
    reference[-1] += bins[kept:].sum()
    candidate = np.zeros(kept)
    edges = np.arange(levels + 1) * kept // levels
    for start, end in zip(edges[:-1], edges[1:]):
        part = bins[start:end]
        if part.any():
            candidate[start:end] = np.where(part > 0, part.sum() / np.count_nonzero(part), 0)
    if not candidate.any():
        return np.inf
    p, q = reference / reference.sum(), candidate / candidate.sum()
    used = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[used] * np.log(p[used] / q[used])))


def entropy(values, levels):
    """The magnitude to cut at, from 2048 bins up to the next power of two."""
    magnitudes = np.abs(values[values != 0])
    limit = 2.0 ** (np.floor(np.log2(magnitudes.max())) + 1)
    bins = np.histogram(magnitudes, bins=2048, range=(0, limit))[0].astype(np.float64)
    used = np.flatnonzero(bins)[-1] + 1
    kept = min(range(levels, used + 1), key=lambda kept: divergence(bins, kept, levels))
    return kept * limit / 2048


def ranges(values):
    values = np.sort(values.astype(np.float64))
    one_sided = values[0] >= 0 or values[-1] <= 0
    return {
        "min_max": [values[0], values[-1]],
        "percentiles": {
            str(percent): list(np.percentile(values, [(100 - percent) / 2, (100 + percent) / 2], method="inverted_cdf"))
            for percent in (99.99, 99.9, 99.0, 90.0)
        },
        "least_squared_error": {s: least_squared_error(values, s) for s in ("asymmetric_u8", "symmetric_s8")},
        "entropy": {"asymmetric_u8": entropy(values, 256 if one_sided else 128), "symmetric_s8": entropy(values, 128)},
    }


task, numbers = sys.argv[1], np.fromfile(sys.argv[2], "<f4")
if task == "blocks":
    k, n, bits, size, symmetric = map(int, sys.argv[3:])
    codes, scales, zero_points = blocks(numbers.reshape(k, n), bits, size, symmetric)
    result = {"codes": codes, "scales": scales, "zero_points": zero_points}
    result = {name: array.ravel().tolist() for name, array in result.items()}
else:
    result = ranges(numbers)
json.dump(result, sys.stdout)
