"""Operations on models and machines: reports, quantizing, compiling, tuning, choosing a precision, profiling."""

import ortlet

from . import values
from .facts import as_json
from .outcomes import Outcome
from .sessions import run_inputs, samples, session_options


def model_report(case, places):
    return Outcome(json=as_json(ortlet.Model.open(places.model(case)).report()))


def model_report_bytes(case, places):
    return Outcome(json=as_json(ortlet.Model.parse(places.bytes(case)).report()))


def of_made(model, report, case, options):
    """What was made of a model, and a run of it."""
    outputs = run_inputs(ortlet.Session(model, options), case)
    return Outcome(outputs=outputs, json=as_json(report), model=as_json(model.report()))


def quantize(case, places):
    path, options, batches = places.model(case), places.options(case), samples(case)
    model = ortlet.Model.open(path)
    calibration = ortlet.calibrate(model, batches, session=options) if batches else None
    tool_options = places.options(case, "tool_options")
    # By its path where nothing else is needed, so that both ways are tested.
    subject = model if batches else path
    quantized, report = ortlet.quantize(subject, case["mode"], calibration=calibration, **tool_options)
    return of_made(quantized, report, case, options)


def of_tool(said, session, case):
    """What a tool says, and a session of what it left."""
    outputs = run_inputs(session, case)
    return Outcome(outputs=outputs, json=as_json(said), report=as_json(session.report()))


def compile(case, places):
    artifact = places.fill(case.get("artifact", "{temp}/model.ortlet"))
    said = ortlet.compile(places.model(case), artifact, **session_options(case, places))
    options = places.options(case, "load_options" if "load_options" in case else "options")
    return of_tool(said, ortlet.Session(artifact, options), case)


def tune(case, places):
    path, options = places.model(case), places.options(case)
    plan = ortlet.tune(path, samples(case), session=options, **places.options(case, "tool_options"))
    return of_tool(plan, ortlet.Session(path, options), case)


def precision(case, places):
    options = places.options(case, "tool_options") | session_options(case, places)
    model, report = ortlet.choose_precision(places.model(case), **options)
    return of_made(model, report, case, {})


def profile(case, places):
    inputs, options = values.named(case["inputs"]), session_options(case, places)
    said = ortlet.profile(places.model(case), inputs, run_count=case.get("run_count", 0), **options)
    return Outcome(json=as_json(said))


def doctor(case, places):
    return Outcome(json=as_json(ortlet.doctor(places.options(case).get("runtime"))))
