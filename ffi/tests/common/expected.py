"""Prints what plain ONNX Runtime computes of the perceptron for the input of runs.c.

usage: expected.py perceptron.onnx
"""
import sys

import numpy as np
import onnxruntime

x = ((np.arange(64) * 7 % 13 - 6) / 4).astype(np.float32).reshape(2, 32)
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
print(*(f"{number:.9g}" for number in session.run(None, {"x": x})[0].ravel()))
