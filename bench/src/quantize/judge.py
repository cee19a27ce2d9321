#!/usr/bin/env python3
"""Run a model and what tools made of it, side by side in one process, and tell how fast and how good they are.

usage: judge.py ORDER

ORDER is JSON: task, data (the task's folder), rounds, and contestants, each with name and model; the first one is the
original. Prints a line of JSON for each step, the last one with the results. Models that end in .xml run in OpenVINO,
others in ONNX Runtime. Needs: numpy, onnx, onnxruntime; for .xml openvino.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import figures

THREADS = (1, 2)
# How long a contestant runs when it is its turn, and at least how often.
TURN_S, LEAST_RUNS = 0.03, 5
# Threads of ONNX Runtime spin for up to 35 ms after a run, in the way of whoever is next.
QUIET_S = 0.045


class Onnx:
    def __init__(self, path, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, fed):
        return self.session.run(None, fed)


class OpenVino:
    # Where the processor has bfloat16, that is the default even for models that nobody quantized. What it does to
    # results would be laid to quantization's charge: to those of magika, it is a lot.
    def __init__(self, path, threads, precision="f32"):
        import openvino

        hints = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        if precision is not None:
            hints["INFERENCE_PRECISION_HINT"] = precision
        self.request = openvino.Core().compile_model(path, "CPU", hints).create_infer_request()

    def run(self, fed):
        return list(self.request.infer(fed, share_inputs=True).to_tuple())


def load(path, threads):
    return (OpenVino if path.endswith(".xml") else Onnx)(path, threads)


def say(**what):
    print(json.dumps(what), flush=True)


def read(path):
    with np.load(path) as archive:
        return dict(archive)


def problem_of(contestant, fed):
    """Why the model is no good at all; None if it is. Operators of other domains are not the checker's business."""
    try:
        if contestant["model"].endswith(".onnx"):
            onnx.checker.check_model(contestant["model"])
        load(contestant["model"], 1).run(fed)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def turn(runner, fed):
    """The median time of the runs of one turn."""
    runner.run(fed)
    times, start = [], time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - start < TURN_S:
        before = time.perf_counter()
        runner.run(fed)
        times.append(time.perf_counter() - before)
    return statistics.median(times)


def timings(contestants, fed, rounds, threads):
    """Seconds of each contestant in each round; another one is first every time."""
    runners = {contestant["name"]: load(contestant["model"], threads) for contestant in contestants}
    names, times = list(runners), {name: [] for name in runners}
    for number in range(rounds):
        say(step=f"{threads} threads, round {number + 1} of {rounds}")
        for at in range(len(names)):
            name = names[(number + at) % len(names)]
            if threads > 1:
                time.sleep(QUIET_S)
            times[name].append(turn(runners[name], fed))
    return times


def main():
    order = json.loads(sys.argv[1])
    data, task = Path(order["data"]), order["task"]
    fed = read(data / "timing.npz")
    held_out = [read(path) for path in sorted((data / "heldout").glob("*.npz"))]
    results, good = [], []
    for contestant in order["contestants"]:
        say(step=f"checking {contestant['name']}")
        result = {"name": contestant["name"], "problem": problem_of(contestant, fed), "seconds": {}}
        results.append(result)
        if result["problem"] is None:
            good.append(contestant)
    if results[0]["problem"] is not None:
        sys.exit(f"the original: {results[0]['problem']}")

    def outputs(contestant):
        say(step=f"held-out samples: {contestant['name']}")
        runner = load(contestant["model"], 2)
        return [[np.array(output) for output in runner.run(sample)] for sample in held_out]

    by_name = {result["name"]: result for result in results}
    references = outputs(good[0])
    for contestant in good[1:]:
        by_name[contestant["name"]]["accuracy"] = figures.accuracy(task, references, outputs(contestant), held_out)
    del references
    for threads in THREADS:
        for name, seconds in timings(good, fed, order["rounds"], threads).items():
            by_name[name]["seconds"][str(threads)] = seconds
    say(results=results)


if __name__ == "__main__":
    main()
