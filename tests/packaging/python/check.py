"""Uses the installed package as a program would, in an interpreter that has nothing else.

usage: check.py MODEL [numpy]    MODEL: tests/conformance/fixtures/linear.onnx; with `numpy`, that is there as well
"""

import array
import importlib.metadata
import importlib.util
import pathlib
import sys

# y = x · w + b for two rows.
ROWS = [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]
EXPECTED = [[10.0, -10.0], [32.0, 18.0]]


def main():
    model, has_numpy = sys.argv[1], sys.argv[2:] == ["numpy"]
    same(importlib.util.find_spec("numpy") is not None, has_numpy, "whether numpy is there")

    import ortlet

    same("numpy" in sys.modules, False, "whether numpy comes with ortlet")
    describes_itself(ortlet)
    finds_its_own_runtime(ortlet)
    runs_without_numpy(ortlet, model)
    if has_numpy:
        runs_with_numpy(ortlet, model)


def describes_itself(ortlet):
    """The metadata is right, and everything that it names is there."""
    about = importlib.metadata.distribution("ortlet")
    same(about.version, ortlet.__version__, "version")
    same(about.metadata["Requires-Python"], ">=3.10", "the Pythons it is for")
    same(about.metadata["License-Expression"], "MIT OR Apache-2.0", "licence")
    assert "numpy" in about.metadata.get_all("Provides-Extra"), "extras"
    assert "# Ortlet" in (about.metadata.get_payload() or about.metadata["Description"]), "no description"
    # Programs lie outside, where somebody else looks at them.
    own = [file for file in about.files if file.parts[0] != ".."]
    missing = [str(file) for file in own if not file.locate().exists()]
    same(missing, [], "files that are not there")
    licences = {file.name for file in about.files if file.parent.name == "licenses"}
    same(set(about.metadata.get_all("License-File")), licences, "licences")
    assert any(file.parent.name == "sboms" for file in about.files), "no list of what is inside"
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="ortlet")
    assert callable(script.load()), script


def finds_its_own_runtime(ortlet):
    """The ONNX Runtime in use is the one in the package."""
    found = pathlib.Path(ortlet.doctor().runtime.found.path)
    own = pathlib.Path(ortlet.__file__).resolve().parent
    same(found.resolve().parent, own, "the folder of ONNX Runtime")


def runs_without_numpy(ortlet, model):
    """Nobody has imported it, even if it is there."""
    rows = array.array("f", [number for row in ROWS for number in row])
    with ortlet.Session(model, threads=1) as session:
        same([info.name for info in session.inputs], ["x"], "inputs")
        for x in [ortlet.Tensor(rows, shape=[2, 3]), ROWS]:
            outputs = session.run({"x": x})
            same(list(outputs), ["y"], "outputs")
            same(type(outputs["y"]), ortlet.Tensor, "type of the output")
            same(outputs["y"].tolist(), EXPECTED, "output")
        try:
            session.run({"x": array.array("d", [1.0])})
        except ValueError as error:
            same((type(error), error.code), (ortlet.TensorMismatch, "tensor_mismatch"), "error")
        else:
            raise AssertionError("a wrong input is taken")


def runs_with_numpy(ortlet, model):
    """Outputs are its arrays once the program uses it."""
    import numpy

    with ortlet.Session(model, threads=1) as session:
        y = session.run({"x": numpy.array(ROWS, numpy.float32)})["y"]
        assert isinstance(y, numpy.ndarray), type(y)
        same((y.dtype, y.tolist()), (numpy.float32, EXPECTED), "output")


def same(actual, expected, what):
    assert actual == expected, f"{what}: {actual!r}, not {expected!r}"


if __name__ == "__main__":
    main()
