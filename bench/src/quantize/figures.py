"""What is told of outputs: similarity as the library defines it, and how often answers agree."""

import math

import numpy as np


def similarity(reference, candidate):
    """The cosine, and at most 1 - r² / 2 where r is the error's share of the length; 0 where kinds differ."""
    reference, candidate = np.asarray(reference), np.asarray(candidate)
    if reference.dtype != candidate.dtype or reference.shape != candidate.shape:
        return 0.0
    a, b = reference.astype(np.float64).ravel(), candidate.astype(np.float64).ravel()
    finite = np.isfinite(a) & np.isfinite(b)
    others = ~finite
    if not ((a[others] == b[others]) | (np.isnan(a[others]) & np.isnan(b[others]))).all():
        return 0.0
    a, b = a[finite], b[finite]
    error = float(((a - b) ** 2).sum())
    if error == 0.0:
        return 1.0
    lengths = math.sqrt(float((a * a).sum())) * math.sqrt(float((b * b).sum()))
    if lengths == 0.0:
        return 0.0
    return max(-1.0, min(float((a * b).sum()) / lengths, 1.0 - error / float((a * a).sum()) / 2.0))


def greedy_text(scores):
    """The classes of CTC scores [time, class]: the best of each step, repetitions once, without the blank (0)."""
    best = np.asarray(scores).argmax(-1)
    changes = np.concatenate(([True], best[1:] != best[:-1]))
    return [int(label) for label in best[changes] if label != 0]


def embedding(hidden, mask):
    """The mean of the tokens' vectors [1, token, element] that the mask [1, token] has, of length 1."""
    weights = np.asarray(mask, np.float64)[..., None]
    mean = (np.asarray(hidden, np.float64) * weights).sum(1) / weights.sum(1)
    return mean / np.linalg.norm(mean)


def percent(same):
    """How many in a hundred are true."""
    same = list(same)
    return 100.0 * sum(same) / len(same)


def top1(reference, candidate):
    return int(np.argmax(reference)) == int(np.argmax(candidate))


# For each task: what is equal (or how alike, for "cosine") of the first outputs for one sample with these inputs.
def _sentence(reference, candidate, inputs):
    a, b = (embedding(each, inputs["attention_mask"]) for each in (reference, candidate))
    # NaN is like nothing.
    return float(np.nan_to_num((a * b).sum()))


TASK_FIGURES = {
    "magika": lambda a, b, _: top1(a, b),
    "minilm": _sentence,
    "rec": lambda a, b, _: greedy_text(a[0]) == greedy_text(b[0]),
    "cls": lambda a, b, _: top1(a, b),
    "silero": lambda a, b, _: bool((np.asarray(a) > 0.5).all()) == bool((np.asarray(b) > 0.5).all()),
}


def accuracy(task, references, candidates, inputs):
    """The figures of all held-out samples; each item of both is the list of a sample's outputs."""
    alike = [
        similarity(a, b)
        for reference, candidate in zip(references, candidates, strict=True)
        for a, b in zip(reference, candidate, strict=True)
    ]
    per_sample = [
        TASK_FIGURES[task](reference[0], candidate[0], fed)
        for reference, candidate, fed in zip(references, candidates, inputs, strict=True)
    ]
    found = {"mean_cosine": sum(alike) / len(alike), "min_cosine": min(alike), "samples": len(references)}
    if task == "minilm":
        return found | {"task_mean": sum(per_sample) / len(per_sample), "task_min": min(per_sample)}
    return found | {"task_percent": percent(per_sample)}
