"""Imports onnxruntime, loads magika and computes one output: `first_output_onnxruntime.py MODEL`."""

import sys

import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
tokens = np.zeros((1, 2048), np.int32)
(labels,) = session.run(None, {"bytes": tokens})
assert labels.shape == (1, 214)
