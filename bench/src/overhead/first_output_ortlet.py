"""Imports Ortlet, loads magika and computes one output: `first_output_ortlet.py MODEL`."""

import sys

import ortlet

session = ortlet.Session(sys.argv[1])
tokens = ortlet.Tensor(bytes(4 * 2048), "int32", (1, 2048))
(labels,) = session.run({"bytes": tokens}).values()
assert labels.shape == (1, 214)
