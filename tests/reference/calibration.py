"""What NumPy says of the values inside a model, as plain onnxruntime computes them on batches that are made here."""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

path, folder = Path(sys.argv[1]), Path(sys.argv[2])
names = json.loads(sys.argv[3])
rng = np.random.default_rng(5)


def batch(at, inputs):
    """One array for each input; open dimensions differ from batch to batch."""
    arrays = {}
    for value in inputs:
        shape = [size if isinstance(size, int) else 1 + at for size in value.shape]
        if value.type == "tensor(float)":
            arrays[value.name] = rng.standard_normal(shape).astype(np.float32)
        else:
            arrays[value.name] = rng.integers(0, 256, shape).astype(np.int32)
    return arrays


model = onnx.load(path)
known = {value.name for value in model.graph.output} | {value.name for value in model.graph.input}
model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
options.intra_op_num_threads = 2
session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
outputs = [value.name for value in session.get_outputs()]
seen = {name: [] for name in names}
for at in range(3):
    arrays = batch(at, session.get_inputs())
    save = np.savez_compressed if at == 1 else np.savez
    save(folder / f"{at}.npz", label=np.array(["not an input"]), **arrays)
    values = dict(zip(outputs, session.run(None, arrays))) | arrays
    for name in names:
        seen[name].append(values[name])


def statistics(arrays):
    flat = np.concatenate([array.ravel() for array in arrays])
    result = {
        "count": flat.size, "min": float(flat.min()), "max": float(flat.max()),
        "percentiles": np.percentile(flat, [1, 99], method="inverted_cdf").tolist(),
        "shape": list(arrays[-1].shape),
    }
    if arrays[0].ndim and len({array.shape[-1] for array in arrays}) == 1:
        rows = np.concatenate([array.reshape(-1, array.shape[-1]) for array in arrays])
        result["max_magnitude"] = np.abs(rows).max(axis=0).tolist()
        result["sum_of_squares"] = np.square(rows.astype(np.float64)).sum(axis=0).tolist()
        result["row_count"] = len(rows)
    return result


json.dump({name: statistics(arrays) for name, arrays in seen.items()}, sys.stdout)
