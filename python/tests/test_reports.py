"""Reports are dicts with attributes, classes for what is inside, and readable forms. Needs no compiled extension."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import subprocess
import sys
import types
import typing
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "ortlet"


def load(name):
    """A module of the package: the installed one's, or from its file if there is no compiled extension."""
    try:
        return importlib.import_module(f"ortlet.{name}")
    except ImportError:
        pass
    if "ortlet" not in sys.modules:
        # Stands for the package, whose own file needs the extension.
        package = types.ModuleType("ortlet")
        package.__path__ = [str(FOLDER)]
        sys.modules["ortlet"] = package
    return importlib.import_module(f"ortlet.{name}")


reports = load("reports")
options = load("options")
Report = reports.Report

PHASES = {
    "runtime_ns": 1,
    "check_ns": 2,
    "digest_ns": 3,
    "map_ns": 4,
    "create_ns": 5,
    "store_ns": 6,
    "warm_up_ns": 7,
    "total_ns": 28,
    "first_run_ns": None,
}
SESSION = {
    "origin": "model",
    "portable_reason": None,
    "plan": {"changes": {"threads": 2}, "verdict": "Two threads.", "concurrency": 1},
    "precision": None,
    "cache": {"outcome": "off", "folder": None, "key": None},
    "phases": PHASES,
    "mapped_bytes": 0,
    "private_bytes": 1000,
    "warnings": ["<b>&"],
}
BUCKETS = [{"low_ns": n, "high_ns": n, "count": 1} for n in range(30)]
HISTOGRAM = {"count": 30, "sum_ns": 435, "min_ns": 0, "max_ns": 29, "buckets": BUCKETS}


@pytest.fixture
def session():
    return reports.SessionReport(copy.deepcopy(SESSION))


def test_values_are_attributes(session):
    assert session.phases.total_ns == session["phases"]["total_ns"] == 28
    assert session.origin == "model"
    assert session.private_bytes == 1000
    assert session.phases.first_run_ns is None


def test_dicts_inside_are_of_the_declared_classes(session):
    assert type(session.phases) is reports.LoadPhases
    assert type(session.plan) is reports.PlanReport
    assert type(session.plan.changes) is reports.PlanChanges
    assert session.precision is None
    histogram = reports.HistogramSnapshot(HISTOGRAM)
    assert {type(bucket) for bucket in histogram.buckets} == {reports.Bucket}
    assert histogram.buckets[3].low_ns == 3


def test_a_class_may_be_inside_of_itself():
    tensor = {"kind": "tensor", "dtype": "float32", "shape": [1, "n", None]}
    info = reports.ValueInfo({"name": "x", "kind": "sequence", "element": {"kind": "optional", "element": tensor}})
    assert type(info.element.element) is reports.ValueType
    assert info.element.element.shape == [1, "n", None]


def test_unknown_dicts_are_plain_reports():
    report = Report({"a": {"b": [[{"c": 1}]]}})
    assert type(report.a) is type(report.a.b[0][0]) is Report
    assert report.a.b[0][0].c == 1


def test_what_is_left_out_reads_as_nothing():
    plan = reports.Plan({"verdict": "The default."})
    assert plan.stored_in is None
    assert plan.warnings == []
    assert "warnings" not in plan
    plan.warnings.append("lost")
    assert plan.warnings == []
    assert reports.PlanChanges({}).dims == {}
    skipped = reports.LayerReport({"outcome": "skipped", "reason": "small"})
    assert (skipped.reason, skipped.mean_error) == ("small", None)


def test_a_key_that_is_no_name_has_an_attribute():
    summary = reports.LatencySummary({"p99_ns": 1, "p99.9_ns": 2})
    assert summary.p99_9_ns == summary["p99.9_ns"] == 2
    assert "p99_9_ns" in dir(summary)


def test_a_missing_attribute_says_what_there_is(session):
    with pytest.raises(AttributeError, match="SessionReport has no `phase`; it has origin, .*phases") as caught:
        session.phase
    assert caught.value.name == "phase"
    assert getattr(session, "phase", 3) == 3
    with pytest.raises(AttributeError, match="Report has no `x`; it has nothing"):
        Report().x


def test_attributes_are_read_only(session):
    with pytest.raises(AttributeError, match=r"set `report\['origin'\]`"):
        session.origin = "x"
    session["origin"] = "x"
    assert session.origin == "x"


def test_no_key_takes_the_place_of_what_python_asks_for():
    report = Report({"__deepcopy__": 1, "__reduce_ex__": 2, "_repr_html_": 3, "items": 4})
    assert not hasattr(report, "__deepcopy__")
    assert copy.deepcopy(report) == report
    assert pickle.loads(pickle.dumps(report)) == report
    assert "<table>" in report._repr_html_()
    assert dict(report.items())["items"] == 4


def test_completion_lists_the_values(session):
    names = dir(session)
    assert {"phases", "origin", "keys", "to_dict"} <= set(names)
    assert "a b" not in dir(Report({"a b": 1}))


def test_it_is_a_dict(session):
    assert isinstance(session, dict)
    assert session == SESSION
    assert list(session) == list(SESSION)
    assert json.loads(json.dumps(session)) == SESSION
    assert {**session} == SESSION


def test_plain_dicts_come_back(session):
    plain = session.to_dict()
    assert plain == SESSION
    assert type(plain) is type(plain["plan"]["changes"]) is dict
    assert type(Report({"a": [{"b": 1}]}).to_dict()["a"][0]) is dict


def test_what_it_is_made_of_stays_as_it_is():
    plain = copy.deepcopy(HISTOGRAM)
    reports.HistogramSnapshot(plain)
    assert type(plain["buckets"][0]) is dict


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        Report.copy,
        *(lambda it, p=p: pickle.loads(pickle.dumps(it, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
    ],
)
def test_copies_are_equal_and_of_the_same_class(session, again):
    other = again(session)
    assert other == session and other is not session
    assert type(other) is reports.SessionReport
    assert type(other.phases) is reports.LoadPhases
    assert other.phases.total_ns == 28


def test_it_prints_as_an_aligned_tree(session):
    assert repr(session).splitlines() == [
        "SessionReport",
        "  origin           'model'",
        "  portable_reason  None",
        "  plan",
        "    changes",
        "      threads      2",
        "    verdict        'Two threads.'",
        "    concurrency    1",
        "  precision        None",
        "  cache",
        "    outcome        'off'",
        "    folder         None",
        "    key            None",
        "  phases",
        "    runtime_ns     1",
        "    check_ns       2",
        "    digest_ns      3",
        "    map_ns         4",
        "    create_ns      5",
        "    store_ns       6",
        "    warm_up_ns     7",
        "    total_ns       28",
        "    first_run_ns   None",
        "  mapped_bytes     0",
        "  private_bytes    1_000",
        "  warnings         ['<b>&']",
    ]
    assert repr(Report()) == "Report"


def test_long_lists_and_texts_are_shortened_in_print():
    text = repr(reports.HistogramSnapshot(HISTOGRAM))
    assert "    [3]\n" in text and "[4]" not in text
    assert text.splitlines()[-1] == "    … 26 more"
    assert repr(Report({"a": list(range(100))})).endswith("[0, 1, 2, 3, 4, 5, 6, 7, … 92 more]")
    assert len(repr(Report({"a": "x" * 10_000}))) < 200
    assert repr(Report({"x" * 50: 1})).splitlines()[1] == "  " + "x" * 50 + " 1"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (True, "True"),
        (12345678, "12_345_678"),
        (0.5, "0.5"),
        (1 / 3, "0.333333"),
        (48211345.123456, "48_211_345.1"),
        (1e-9 / 3, "3.33333e-10"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
    ],
)
def test_numbers_are_readable(number, text):
    assert repr(Report({"x": number})) == f"Report\n  x  {text}"


def test_html_is_escaped_and_nested(session):
    html = session._repr_html_()
    assert html.count("<table>") == html.count("</table>") == 5
    assert "<th>total_ns</th><td>28</td>" in html
    assert "&lt;b&gt;&amp;" in html and "<b>" not in html
    assert "<script>" not in Report({"<script>": "<script>"})._repr_html_()
    listed = reports.HistogramSnapshot(HISTOGRAM)._repr_html_()
    assert "<tr><th>low_ns</th><th>high_ns</th><th>count</th></tr>" in listed
    assert "… 10 more" in listed


def test_every_class_is_described():
    classes = [kind for kind in vars(reports).values() if isinstance(kind, type) and kind is not Report]
    assert len(classes) > 30
    for kind in classes:
        assert issubclass(kind, Report) and kind.__doc__
        fields = kind.__annotations__
        assert set(kind._nested) | set(kind._renamed.values()) <= {*fields, *kind._renamed.values()}
        assert set(kind._absent) | set(kind._renamed) <= set(fields)


def test_options_can_be_looked_at():
    hints = typing.get_type_hints(options.TuneOptionsDict)
    assert typing.get_args(hints["session"]) == (options.SessionOptionsDict, dict[str, typing.Any])
    assert hints["concurrency"] is int
    assert not options.TuneOptionsDict.__required_keys__


def test_importing_reports_imports_little():
    code = f"""
import sys, types
package = types.ModuleType("ortlet")
package.__path__ = [{str(FOLDER)!r}]
sys.modules["ortlet"] = package
import ortlet.reports
print(*sys.modules)
"""
    # Without site packages, which may import anything at the start.
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert not {"typing", "json", "re", "enum", "inspect", "html"} & set(run.stdout.split())
