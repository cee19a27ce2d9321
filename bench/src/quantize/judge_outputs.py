#!/usr/bin/env python3
"""Tell how good outputs for held-out samples are, which another program wrote or other engines compute here.

usage: judge_outputs.py ORDER

ORDER is JSON: task, data (the task's folder), original (its model, run by ONNX Runtime) and contestants, each with name
and either outputs, a folder of SAMPLE-INDEX.npy, or model, run by ONNX Runtime, or by OpenVINO as it pleases if openvino
is true. Prints a line of JSON. Needs: numpy, onnxruntime; for openvino openvino.
"""

import json
import sys
from pathlib import Path

import numpy as np

import figures
from judge import Onnx, OpenVino, read


def stored(folder, path, count):
    return [np.load(Path(folder) / f"{path.stem}-{index}.npy") for index in range(count)]


def outputs(contestant, paths, samples, references):
    if "outputs" in contestant:
        folder = contestant["outputs"]
        return [stored(folder, path, len(each)) for path, each in zip(paths, references, strict=True)]
    if contestant.get("openvino"):
        runner = OpenVino(contestant["model"], 2, precision=None)
    else:
        runner = Onnx(contestant["model"], 2)
    return [[np.array(output) for output in runner.run(sample)] for sample in samples]


def main():
    order = json.loads(sys.argv[1])
    paths = sorted((Path(order["data"]) / "heldout").glob("*.npz"))
    samples = [read(path) for path in paths]
    original = Onnx(order["original"], 2)
    references = [original.run(sample) for sample in samples]
    results = []
    for contestant in order["contestants"]:
        result = {"name": contestant["name"], "problem": None, "accuracy": None}
        try:
            found = outputs(contestant, paths, samples, references)
            result["accuracy"] = figures.accuracy(order["task"], references, found, samples)
        except Exception as error:
            result["problem"] = f"{type(error).__name__}: {error}"
        results.append(result)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
