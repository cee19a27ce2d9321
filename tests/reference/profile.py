#!/usr/bin/env python3
"""Profile a model with plain onnxruntime and say what the recording holds, for Ortlet to be compared with.

usage: profile.py MODEL OUT RUNS INPUTS
OUT: a folder; INPUTS: JSON, from an input's name to [type, shape] or [type, shape, [value]]; without a value it is 0
Writes OUT/recording.json, onnxruntime's own, and OUT/nodes.json: what each node of the last RUNS runs was and took. Two
more runs come before these. The session uses two threads and otherwise the defaults of onnxruntime.
"""
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

ort.set_default_logger_severity(3)
model, out, runs, inputs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
optimized = out / "optimized.onnx"

options = ort.SessionOptions()
options.intra_op_num_threads = 2
options.enable_profiling = True
options.profile_file_prefix = str(out / "plain")
options.optimized_model_filepath = str(optimized)
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
feeds = {name: np.full(shape, (value or [0])[0], dtype) for name, (dtype, shape, *value) in inputs.items()}
for _ in range(2 + runs):
    session.run(None, feeds)
recording = Path(session.end_profiling()).rename(out / "recording.json")


def nodes(graph):
    """Every node of a graph and of the graphs inside of its nodes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                yield from nodes(inner)


domains = {(node.name, node.op_type): node.domain for node in nodes(onnx.load(optimized).graph)}

events = json.loads(recording.read_text())
ends = [index for index, event in enumerate(events) if event["name"] == "model_run"]
counted = events[ends[1] + 1:ends[-1] + 1]
kernels = [event for event in counted if event["cat"] == "Node"]
own = [kernel["dur"] for kernel in kernels]
for index, kernel in enumerate(kernels):
    # What is around a kernel starts before it and ends, and so is recorded, after it.
    around = (later for later in range(index + 1, len(kernels)) if kernels[later]["ts"] <= kernel["ts"])
    outer = next(around, None)
    if outer is not None and kernel["ts"] < kernels[outer]["ts"] + kernels[outer]["dur"]:
        own[outer] -= kernel["dur"]

sums = defaultdict(lambda: [0, 0])
for kernel, own_us in zip(kernels, own):
    name, arguments = kernel["name"].removesuffix("_kernel_time"), kernel["args"]
    key = (name, arguments["op_name"], arguments["provider"])
    sums[key][0] += 1
    sums[key][1] += own_us * 1000
found = [{"name": name, "op_type": op_type, "provider": provider, "domain": domains.get((name, op_type)),
          "call_count": calls, "total_ns": ns} for (name, op_type, provider), (calls, ns) in sums.items()]
total = sum(event["dur"] for event in counted if event["name"] == "model_run") * 1000
(out / "nodes.json").write_text(json.dumps({"total_ns": total, "nodes": found}))
