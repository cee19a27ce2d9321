"""Operations on a session: loading, running, binding, metrics."""

import asyncio

import numpy as np
import ortlet

from . import values
from .cases import Skipped, Wrong
from .control import controlled, run, run_while_busy
from .facts import as_json
from .outcomes import Outcome, judge


def samples(case):
    """The batches of inputs that a case gives."""
    return [values.named(batch) for batch in case.get("samples", [])]


def session_options(case, places):
    """Options of a session, with the case's samples if it has any."""
    batches = samples(case)
    return places.options(case) | ({"samples": batches} if batches else {})


def session(case, places):
    """The session that a case is about, after the runs that it asks for."""
    model = places.bytes(case) if case["operation"] == "load_bytes" else places.model(case)
    own = ortlet.Session(model, session_options(case, places))
    for number, each in enumerate(case.get("runs", [])):
        judge_part(f"run {number}", each, lambda: run(own, each["inputs"], each.get("run_options", {})))
    return own


def judge_part(what, part, attempt):
    """Judges one of several runs by its own expectation."""
    try:
        judge(lambda: Outcome(outputs=attempt()), part.get("expect", {}))
    except Wrong as wrong:
        raise Wrong(f"{what}: {wrong}") from wrong


def run_inputs(own, case):
    """Runs once with the inputs of a case, if it has any."""
    return run(own, case["inputs"], case.get("run_options", {})) if "inputs" in case else None


def load(case, places):
    own = session(case, places)
    outputs = run_inputs(own, case)
    return Outcome(outputs=outputs, json=as_json(own.report()))


def run_once(case, places):
    return Outcome(outputs=run_inputs(session(case, places), case))


def run_async(case, places):
    own = session(case, places)

    async def wait():
        with controlled(case.get("run_options", {})) as arguments:
            return await own.run_async(values.named(case.get("inputs", {})), **arguments)

    return Outcome(outputs=asyncio.run(wait()))


def busy(case, places):
    return Outcome(outputs=run_while_busy(session(case, places), case))


def info(case, places):
    own = session(case, places)
    kinds = ("inputs", "outputs", "overridable_initializers")
    return Outcome(json=as_json({kind: [info.to_dict() for info in getattr(own, kind)] for kind in kinds}))


def metrics(case, places):
    return Outcome(json=as_json(session(case, places).metrics())["metrics"])


def metrics_text(case, places):
    return Outcome(text=ortlet.metrics_text({case["session_name"]: session(case, places)}))


def bind(case, places):
    own = session(case, places)
    said = case.get("memory", {})
    memory = {name: np.zeros(of["shape"], values.numpy_type(of["dtype"])) for name, of in said.items()}
    ties = {tie["output"]: tie["input"] for tie in case.get("ties", [])}
    binding = own.bind({**case.get("shapes", {}), **memory}, ties=ties)
    for number, step in enumerate(case.get("steps", [])):
        judge_part(f"step {number}", step, lambda: bound_run(binding, step))
    check_memory(memory, case)
    return Outcome()


def bound_run(binding, step):
    """Makes one step; its outputs are copies, because the next run overwrites them."""
    if "outputs" in step.get("run_options", {}):
        raise Skipped("`Binding.run` has no argument `outputs`, so that Python itself refuses it")
    for name, stored in step.get("set", {}).items():
        given, own = values.tensor(stored), binding.inputs[name]
        if (own.dtype, own.shape) != (given.dtype, given.shape):
            raise Wrong(f"input `{name}` is bound as {own.dtype}{own.shape}, but set as {given.dtype}{given.shape}")
        own[...] = given
    with controlled(step.get("run_options", {})) as arguments:
        outputs = binding.run(**arguments)
    if outputs.keys() != binding.outputs.keys():
        raise Wrong(f"the run gave {list(outputs)}, the binding has {list(binding.outputs)}")
    return {name: output.copy() for name, output in outputs.items()}


def check_memory(memory, case):
    """After the last step the caller's memory holds the outputs that were expected last."""
    expected = [step["expect"]["outputs"] for step in case.get("steps", []) if "outputs" in step.get("expect", {})]
    for name, array in memory.items():
        if expected and name in expected[-1]:
            values.check(f"the caller's memory of `{name}`", array, expected[-1][name], 0)


def panic(case, places):
    raise Skipped("Python has no way to make code inside of the library panic")
