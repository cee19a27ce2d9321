"""Times calls of Ortlet and of onnxruntime by turns: `calls.py MODEL ROUNDS`. Writes nanoseconds per call as JSON."""

import gc
import json
import sys
import time

import numpy as np
import onnxruntime
import ortlet

CALLS = 500
WARM_UP_CALLS = 50


def main(model, rounds):
    session = ortlet.Session(model)
    (declared,) = session.inputs
    data = np.zeros([size if isinstance(size, int) else 1 for size in declared.shape], declared.dtype)
    feeds = {declared.name: data}
    binding = session.bind({declared.name: data.shape})

    peer = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    peer_binding = bound(peer, declared.name, data)
    calls = {
        "InferenceSession.run": lambda: peer.run(None, feeds),
        "Session.run": lambda: session.run(feeds),
        "run_with_iobinding": lambda: peer.run_with_iobinding(peer_binding),
        "Binding.run": binding.run,
    }
    print(json.dumps(measured(calls, rounds)))


def bound(peer, name, data):
    """Inputs and outputs that lie in fixed memory, as the documentation of onnxruntime binds them."""
    binding = peer.io_binding()
    binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(data))
    (output,) = peer.get_outputs()
    result = peer.run(None, {name: data})[0]
    binding.bind_ortvalue_output(output.name, onnxruntime.OrtValue.ortvalue_from_numpy(result))
    return binding


def measured(calls, rounds):
    """Everybody by turns, another one first every time."""
    names = list(calls)
    values = {name: [] for name in names}
    gc.disable()
    for round_ in range(rounds):
        for turn in range(len(names)):
            name = names[(round_ + turn) % len(names)]
            call = calls[name]
            for _ in range(WARM_UP_CALLS):
                call()
            start = time.perf_counter_ns()
            for _ in range(CALLS):
                call()
            values[name].append((time.perf_counter_ns() - start) / CALLS)
        gc.collect()
    return values


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
