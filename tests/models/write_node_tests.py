#!/usr/bin/env python3
"""Write the ONNX project's node tests, which its package holds only as code, as files in its own layout.

usage: write_node_tests.py OUT_DIR

Writes OUT_DIR/<test>/model.onnx, test_data_set_<n>/{input,output}_<i>.pb and tolerance.json. Needs: onnx, numpy.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_node_model_tests


def encode(value, info):
    """One input or output as the protobuf message that the test layout wants for its declared type."""
    if not isinstance(value, (np.ndarray, np.generic, list, dict, type(None))):
        return value.SerializeToString()  # Already a TensorProto: types numpy cannot hold.
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name).SerializeToString()
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name).SerializeToString()
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name).SerializeToString()
    return numpy_helper.from_array(np.asarray(value), info.name).SerializeToString()


def write_case(case, folder):
    folder.mkdir(parents=True)
    onnx.save(case.model, folder / "model.onnx")
    (folder / "tolerance.json").write_text(json.dumps({"rtol": case.rtol, "atol": case.atol}) + "\n")
    for number, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for name, values, infos in (
            ("input", inputs, case.model.graph.input),
            ("output", outputs, case.model.graph.output),
        ):
            for index, (value, info) in enumerate(zip(values, infos)):
                (data / f"{name}_{index}.pb").write_bytes(encode(value, info))


def main():
    out = Path(sys.argv[1])
    # Some cases build their expectation from overflowing or undefined arithmetic on purpose.
    warnings.simplefilter("ignore")
    cases = load_node_model_tests()
    for case in cases:
        write_case(case, out / case.name)
    print(f"{len(cases)} node tests")


if __name__ == "__main__":
    main()
