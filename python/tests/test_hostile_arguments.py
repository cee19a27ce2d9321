"""Arguments that lie, change or make no sense: an exception is raised, and the interpreter lives on."""

import array
import ctypes
import gc

import ortlet
import pytest

from hostile import FOUR, REFUSED, endless, still_well
from identities import model, same_bits, session, through


class Mapping(dict):
    def __init__(self, wrong):
        super().__init__(x=FOUR)
        self.wrong = wrong

    def items(self):
        return self.wrong

    def __iter__(self):
        return iter([1, 2])

    def keys(self):
        return ["x", "x", 5]


@pytest.mark.parametrize(
    "inputs",
    [None, 5, [], "x", FOUR, [("x", FOUR)], {1: FOUR}, {None: FOUR}, {"x\0": FOUR}, {"\ud800": FOUR}, {b"x": FOUR}],
    ids=repr,
)
def test_inputs_that_are_no_mapping_of_names(inputs):
    with pytest.raises((KeyError, *REFUSED)):
        session("float32").run(inputs)
    assert still_well()


@pytest.mark.parametrize("items", [[1], [("x",)], None, 5, [("x", FOUR, FOUR)], [(1, FOUR)]])
def test_a_mapping_that_lies(items):
    try:
        session("float32").run(Mapping(items))
    except (KeyError, *REFUSED):
        pass
    assert still_well()


class Changing:
    """An input that changes the inputs while they are read."""

    def __init__(self, inputs):
        self.inputs = inputs

    @property
    def __array_interface__(self):
        for name in "abcdefgh":
            self.inputs[name] = self
        self.inputs.pop("x", None)
        gc.collect()
        return FOUR.__array_interface__


def test_inputs_that_change_while_they_are_read():
    inputs = {}
    inputs.update(x=Changing(inputs), z=FOUR)
    with pytest.raises((RuntimeError, *REFUSED)):
        session("float32").run(inputs)
    assert still_well()


@pytest.mark.parametrize("deadline", [-1, "soon", float("nan"), float("inf"), -float("inf"), 1e300, 2**200, [], 1j])
def test_deadlines_that_make_no_sense(deadline):
    try:
        assert same_bits(session("float32").run({"x": FOUR}, deadline=deadline)["y"], FOUR)
    except REFUSED:
        pass
    assert still_well()


@pytest.mark.parametrize("cancel", [5, "token", object(), True])
def test_a_token_of_another_type(cancel):
    with pytest.raises(TypeError):
        session("float32").run({"x": FOUR}, cancel=cancel)


@pytest.mark.parametrize("model", [5, None, 1.5, [], object(), ["path"]])
def test_a_model_of_another_type(model):
    with pytest.raises((TypeError, ortlet.InvalidArgument)):
        ortlet.Session(model)


@pytest.mark.parametrize("model", [b"", b"\0", b"\xff" * 1000, bytes(10_000), bytearray(b"\x08"), memoryview(b"ab")])
def test_bytes_that_are_no_model(model):
    with pytest.raises(ortlet.Error):
        ortlet.Session(model)
    try:
        # Nothing at all is a message without fields, by the rules of protobuf.
        assert ortlet.Model.parse(model).report().node_count == 0 and not len(model)
    except ortlet.Error:
        pass


@pytest.mark.parametrize("path", ["", "\0", "a\0b", "\udcff", "x" * 10_000, "/", "."])
def test_paths_that_lead_nowhere(path):
    with pytest.raises((ortlet.Error, ValueError, OSError)):
        ortlet.Session(path)


def of_itself():
    own = {}
    own["config"] = own
    return own


@pytest.mark.parametrize(
    "options",
    [
        *({"threads": threads} for threads in (2**80, -1, 1.5, object())),
        *({"samples": 5}, {"samples": [5]}, {"accuracy": 5}, {"config": {"a": b"b"}}),
        *(of_itself(), {"providers": endless()}, {"dims": {1: 2}}, {1: 2}, [], 5),
    ],
    ids=lambda _: "",
)
def test_options_that_make_no_sense(options):
    with pytest.raises((RecursionError, *REFUSED)):
        ortlet.Session(model("float32"), options)
    assert still_well()


TENSORS = [
    ((b"abc", "float32", (1,)), {}),
    ((b"abcd", "float32", (2,)), {}),
    ((b"abcd", "float32", (-1,)), {}),
    ((b"abcd", "float32", (2**62, 2**62)), {}),
    ((b"abcd", "float31", (1,)), {}),
    ((b"abcd", "", (1,)), {}),
    ((b"abcd", 5, (1,)), {}),
    ((b"abcd", "string", (1,)), {}),
    ((b"abcd", "float32", ("one",)), {}),
    ((b"abcd", "float32", 2**70), {}),
    ((b"a", "int4", (3,)), {}),
    (([1, 2], "int4", (3,)), {}),
    (([8], "int4"), {}),
    (([-1], "uint4"), {}),
    (([2], "uint2", (1, 1, 2)), {}),
    ((["a"], "float32"), {}),
    ((None,), {}),
    ((None, "float32"), {}),
    ((object(),), {}),
    ((), {}),
]


@pytest.mark.parametrize("positional, named", TENSORS)
def test_tensors_that_make_no_sense(positional, named):
    with pytest.raises(REFUSED):
        ortlet.Tensor(*positional, **named)
    assert still_well()


def test_memory_that_is_resized_while_a_tensor_uses_it():
    memory = array.array("f", FOUR)
    tensor = ortlet.Tensor(memory)
    try:
        memory.extend([1.0] * 100_000)
    except BufferError:
        pass
    gc.collect()
    assert same_bits(tensor.numpy(), FOUR)


def test_memory_that_goes_away_while_a_tensor_uses_it():
    memory = (ctypes.c_float * 4)(*FOUR)
    tensor = ortlet.Tensor(memory)
    del memory
    gc.collect()
    assert same_bits(through(tensor), FOUR)
