"""Processes that lack NumPy or ml_dtypes, or have not imported them: what comes out then, and what is imported."""

import subprocess
import sys
import textwrap

import pytest

import identities

LONGEST_S = 60
# No test may depend on what an earlier one has imported, so each has a process of its own.
HEAD = """
import sys
for name in sys.argv[2].split():
    sys.modules[name] = None
import ortlet
session = ortlet.Session(sys.argv[1], threads=1)
"""


def script(model, body, lacking=""):
    """The lines that a script prints; it has to end well."""
    command = [sys.executable, "-c", HEAD + textwrap.dedent(body), str(model), lacking]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout.splitlines()


@pytest.fixture
def identity(tmp_path):
    """The path of a model that gives back what it gets, of some element type."""

    def write(dtype):
        path = tmp_path / f"{dtype}.onnx"
        path.write_bytes(identities.model(dtype))
        return path

    return write


def test_importing_imports_little():
    names = "numpy asyncio typing enum inspect re json dataclasses collections.abc concurrent multiprocessing logging"
    code = (
        "import sys; before = set(sys.modules); import ortlet; "
        f"print(sorted((set(sys.modules) - before) & set({names.split()!r})))"
    )
    # Without `site`, which may import anything for the sake of other packages.
    path = [entry for entry in sys.path if entry]
    command = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path!r}; {code}"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    assert said.stdout == "[]\n", said.stdout + said.stderr


def test_a_run_of_lists_does_not_need_numpy(identity):
    lines = script(
        identity("float32"),
        """
        y = session.run({'x': [[1, 2], [3, 4]]})['y']
        print(type(y) is ortlet.Tensor, y.dtype, y.shape, y.tolist(), len(y))
        print(memoryview(y.tobytes()).cast('f').tolist())
        try:
            y.numpy()
        except ImportError as error:
            print('numpy' in str(error))
        """,
        lacking="numpy",
    )
    assert lines == ["True float32 (2, 2) [[1.0, 2.0], [3.0, 4.0]] 2", "[1.0, 2.0, 3.0, 4.0]", "True"]


def test_what_comes_out_without_numpy_goes_in_again(identity):
    lines = script(
        identity("int64"),
        """
        import array
        y = session.run({'x': array.array('q', [5, -6])})['y']
        print(session.run({'x': y})['y'].tolist(), session.run({'x': memoryview(y.tobytes()).cast('q')})['y'].tolist())
        """,
        lacking="numpy",
    )
    assert lines == ["[5, -6] [5, -6]"]


def test_texts_without_numpy(identity):
    lines = script(
        identity("string"),
        "y = session.run({'x': [['a'], ['日本']]})['y']; print(type(y) is ortlet.Tensor, y.shape, y.tolist())",
        lacking="numpy",
    )
    assert lines == ["True (2, 1) [['a'], ['日本']]"]


def test_sequences_and_maps_without_numpy(fixtures):
    body = "print([type(part).__name__ for part in session.run({'x': [1.0, 2.0], 'pieces': [1, 1]})['y']])"
    assert script(fixtures / "split.onnx", body, lacking="numpy") == ["['Tensor', 'Tensor']"]
    body = "print(session.run({'x': [[0.5, 2.0]]})['y'])"
    assert script(fixtures / "zip_map_string.onnx", body, lacking="numpy") == ["[{'no': 0.5, 'yes': 2.0}]"]


def test_a_binding_without_numpy(fixtures):
    lines = script(
        fixtures / "linear.onnx",
        """
        import array
        memory = array.array('f', [1, 2, 3])
        try:
            binding = session.bind({'x': memoryview(memory).cast('B').cast('f', (1, 3))})
            print(binding.run()['y'].tolist())
        except (ImportError, ortlet.Unsupported) as error:
            print('numpy' in str(error).lower())
        """,
        lacking="numpy",
    )
    assert lines in (["[[32.0, 18.0]]"], ["True"])


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "float8_e5m2fnuz"])
def test_types_that_numpy_lacks_without_ml_dtypes(identity, dtype):
    lines = script(
        identity(dtype),
        f"""
        import numpy
        y = session.run({{'x': ortlet.Tensor([1.5, -2.0], {dtype!r})}})['y']
        print(type(y) is ortlet.Tensor, y.dtype, y.tolist())
        try:
            y.numpy()
        except ImportError as error:
            print('ml_dtypes' in str(error))
        """,
        lacking="ml_dtypes",
    )
    assert lines == [f"True {dtype} [1.5, -2.0]", "True"]


def test_numpy_is_not_imported_until_somebody_does(identity):
    lines = script(
        identity("float32"),
        """
        import asyncio
        outputs = [session.run({'x': [1.0]})['y'], asyncio.run(session.run_async({'x': [1.0]}))['y']]
        print(*(type(y) is ortlet.Tensor for y in outputs), 'numpy' in sys.modules)
        import numpy as np
        outputs = [session.run({'x': [1.0]})['y'], asyncio.run(session.run_async({'x': [1.0]}))['y']]
        print(*(type(y) is np.ndarray for y in outputs))
        print(outputs[0].tolist())
        """,
    )
    assert lines == ["True True False", "True True", "[1.0]"]


def test_the_arrays_of_a_binding_import_numpy(fixtures):
    body = """
    binding = session.bind({'x': (1, 3)})
    binding.inputs['x'] = [[1, 2, 3]]
    print(type(binding.run()['y']).__name__, binding.outputs['y'].tolist())
    """
    assert script(fixtures / "linear.onnx", body) == ["ndarray [[32.0, 18.0]]"]


def test_a_tensor_is_as_handy_as_an_array(identity):
    lines = script(
        identity("int64"),
        """
        y = session.run({'x': [[1, 2], [3, 4]]})['y']
        print(y[1, 0], y[0].tolist(), y[:, 1].tolist(), ortlet.Tensor([7], 'int32', ()).item())
        try:
            y.item()
        except ValueError:
            print('more than one')
        """,
    )
    assert lines == ["3 [1, 2] [2, 4] 7", "more than one"]
