"""Numbers, texts and lists as tensors, and sequences, maps and optionals as what Python has for them."""

import math

import numpy as np
import ortlet
import pytest

from identities import numpy_type, same_bits, through

LISTS = [
    (1, "float32", 1.0),
    (2.5, "float32", 2.5),
    ([1, 2.5], "float32", [1, 2.5]),
    ((1, 2), "float64", [1, 2]),
    ([[1, 2], [3, 4], [5, 6]], "int64", [[1, 2], [3, 4], [5, 6]]),
    ([[[]], [[]]], "int32", np.zeros((2, 1, 0))),
    ([], "float32", []),
    ([True, False], "bool", [True, False]),
    (True, "bool", True),
    ([0, 255], "uint8", [0, 255]),
    ([-128, 127], "int8", [-128, 127]),
    ([2**64 - 1], "uint64", [2**64 - 1]),
    ([-(2**63), 2**63 - 1], "int64", [-(2**63), 2**63 - 1]),
    ([2**53 + 1], "int64", [2**53 + 1]),
    ([0.1, 65504], "float16", [0.1, 65504]),
    ([0.1, 1e38], "bfloat16", [0.1, 1e38]),
    ([1.5, -448], "float8_e4m3fn", [1.5, -448]),
    ([math.inf, -math.inf, math.nan], "float32", [math.inf, -math.inf, math.nan]),
    ([np.float32(1), np.float32(2)], "float32", [1, 2]),
    ([np.float64(1), 2], "float32", [1, 2]),
    ([np.int64(1), np.uint8(2)], "int64", [1, 2]),
    ([np.bool_(True), False], "bool", [True, False]),
    ([[1.5, np.float32(2)], (3, 4)], "float64", [[1.5, 2], [3, 4]]),
    (range(4), "int32", [0, 1, 2, 3]),
]


@pytest.mark.parametrize("given, dtype, wanted", LISTS, ids=lambda part: repr(part)[:24])
def test_numbers_become_the_declared_type(given, dtype, wanted):
    try:
        got = through(given, dtype)
    except (ortlet.Error, TypeError):
        # A range is no list; it may be refused, but not misread.
        assert isinstance(given, range)
        return
    assert same_bits(got, np.array(wanted).astype(numpy_type(dtype)))


@pytest.mark.parametrize(
    "given, dtype",
    [
        ([1, [2]], "float32"),
        ([[1, 2], [3]], "float32"),
        ([[1], 2], "float32"),
        ([1, None], "float32"),
        (["a"], "float32"),
        ("a", "float32"),
        ([1.5], "int32"),
        ([256], "uint8"),
        ([-1], "uint8"),
        ([2**64], "uint64"),
        ([2**200], "int64"),
        ([math.nan], "int64"),
        ([1j], "float32"),
        ([object()], "float32"),
        ([1, 2], "string"),
        (["a", 1], "string"),
        (["a", None], "string"),
        (None, "float32"),
        ({}, "float32"),
        ({1, 2}, "float32"),
    ],
)
def test_what_is_no_tensor_of_the_declared_type_is_refused(given, dtype):
    with pytest.raises((ortlet.Error, TypeError, ValueError, OverflowError)):
        through(given, dtype)


TEXTS = ["", "plain", "Grüße", "日本語", "🙂🏳️‍🌈", "two\nlines", "with\0nul", "\0", "\uffff", "\U0010ffff", "x" * 99_999]


@pytest.mark.parametrize(
    "given",
    [TEXTS, np.array(TEXTS, object), np.array(TEXTS, object)[::-1][::-1], ortlet.Tensor(TEXTS, "string")],
    ids=["list", "object-array", "strided", "tensor"],
)
def test_texts_come_back(given):
    got = through(given, "string")
    assert got.dtype == object and got.tolist() == TEXTS
    assert all(type(text) is str for text in got)


def test_texts_that_are_bytes_of_utf8_or_refused():
    for given in ([b"a", "Ü".encode()], np.array([b"a", "Ü".encode()])):
        try:
            assert through(given, "string").tolist() == ["a", "Ü"]
        except (ortlet.Error, TypeError):
            pass


def test_a_list_of_numpys_texts():
    assert through([np.str_("a"), "日本"], "string").tolist() == ["a", "日本"]


def test_texts_of_fixed_width():
    given = np.array([["a", "日本"], ["🙂", "inner\0nul"]])
    assert given.dtype.kind == "U"
    assert through(given, "string").tolist() == given.tolist()
    assert through(given.T, "string").tolist() == given.T.tolist()
    assert through(given[:, ::-1], "string").tolist() == given[:, ::-1].tolist()
    assert through(given.astype(given.dtype.newbyteorder(">")), "string").tolist() == given.tolist()


def test_a_text_alone_has_no_dimensions():
    for given in ("text", np.array("text"), np.array("text", object), np.str_("text")):
        got = through(given, "string")
        assert (got.shape, got.item()) == ((), "text")


def test_texts_of_numpys_own_type():
    if not hasattr(getattr(np, "dtypes", None), "StringDType"):
        pytest.skip("this NumPy has no StringDType")
    given = np.array(["a", "日本", ""], np.dtypes.StringDType())
    try:
        assert through(given, "string").tolist() == ["a", "日本", ""]
    except (ortlet.Error, TypeError):
        pass  # Refused is as good as right.


def test_a_text_with_half_of_a_character_is_refused():
    with pytest.raises((ortlet.Error, UnicodeEncodeError)):
        through(["\ud800"], "string")
    with pytest.raises((ortlet.Error, UnicodeEncodeError)):
        through(np.array(["\ud800"]), "string")


@pytest.mark.parametrize("wrong", [1, 2.5, None, b"\xff", [], object(), math.nan])
def test_an_object_array_holds_only_texts(wrong):
    given = np.empty(2, object)
    given[0], given[1] = "a", wrong
    with pytest.raises((ortlet.Error, TypeError)):
        through(given, "string")


def test_an_object_array_is_no_array_of_numbers():
    with pytest.raises((ortlet.Error, TypeError)):
        through(np.array([1.0, 2.0], object))


def run(fixtures, name, **inputs):
    return ortlet.Session(fixtures / f"{name}.onnx").run(inputs)["y"]


def test_sequences_are_lists(fixtures):
    got = run(fixtures, "split", x=[1, 2, 3], pieces=[1, 2])
    assert type(got) is list and [part.tolist() for part in got] == [[1], [2, 3]]
    given = [np.array([1, 2]), np.array([3]), np.zeros(0, np.int64)]
    for sequence in (given, tuple(given), [[1, 2], [3], []]):
        assert run(fixtures, "element_at", s=sequence, at=1).tolist() == [3]
        assert run(fixtures, "element_at", s=sequence, at=-1).shape == (0,)
    words = run(fixtures, "sequence_of_words", s=[["a", "b"], ["🙂"]], more=np.array(["c"]))
    assert [part.tolist() for part in words] == [["a", "b"], ["🙂"], ["c"]]


def test_a_sequence_of_nothing(fixtures):
    words = run(fixtures, "sequence_of_words", s=[], more=["c"])
    assert [part.tolist() for part in words] == [["c"]]
    with pytest.raises(ortlet.RuntimeFailed):
        run(fixtures, "element_at", s=[], at=0)


def test_maps_are_dicts(fixtures):
    scores = [{"no": 0.25, "yes": -1.5}, {"no": 3.0, "yes": 4.0}]
    got = run(fixtures, "zip_map_string", x=np.array([[0.25, -1.5], [3, 4]], np.float32))
    assert got == scores and [list(one) for one in got] == [["no", "yes"]] * 2
    got = run(fixtures, "zip_map_int64", x=np.array([[0.25, -1.5]], np.float32))
    assert len(got) == 1 and all(type(key) is int for key in got[0]) and list(got[0].values()) == [0.25, -1.5]
    assert run(fixtures, "look_up", x={"b": 7, "c": -1, "z": 5}).tolist() == [[0, 7, -1]]
    assert run(fixtures, "look_up", x={}).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("given", [{1: 7}, {"a": "b"}, {"a": 1.5}, {"a": None}, {None: 1}, [("a", 1)], {"a": 2**70}])
def test_a_map_of_other_types_is_refused(fixtures, given):
    with pytest.raises((ortlet.Error, TypeError, ValueError, OverflowError)):
        run(fixtures, "look_up", x=given)


def test_optionals_are_the_value_or_none(fixtures):
    assert run(fixtures, "optional_input", x=np.ones(2, np.float32)).item() is True
    assert run(fixtures, "optional_input", x=[1.0, 2.0]).item() is True
    assert run(fixtures, "optional_input", x=None).item() is False
    assert run(fixtures, "optional_input").item() is False
    assert run(fixtures, "optional_output", x=np.ones(2, np.float32)).tolist() == [1, 1]


def test_outputs_come_in_the_order_that_was_asked_for(fixtures):
    own = ortlet.Session(fixtures / "two_outputs.onnx")
    inputs = {"a": [2], "b": [3]}
    assert list(own.run(inputs)) == ["sum", "product"]
    assert list(own.run(inputs, ["product", "sum"])) == ["product", "sum"]
    assert {name: each.tolist() for name, each in own.run(inputs, ("product",)).items()} == {"product": [6]}


@pytest.mark.parametrize("outputs", [["none"], ["sum", "none"]])
def test_outputs_that_do_not_exist(fixtures, outputs):
    with pytest.raises(ortlet.NotFound) as caught:
        ortlet.Session(fixtures / "two_outputs.onnx").run({"a": [2], "b": [3]}, outputs)
    assert caught.value.details["name"] == "none" and caught.value.details["available"] == ["sum", "product"]


@pytest.mark.parametrize("outputs", ["sum", b"sum", [1], 5, [None]])
def test_outputs_are_names_in_a_list(fixtures, outputs):
    with pytest.raises((TypeError, ortlet.InvalidArgument, ortlet.NotFound)):
        ortlet.Session(fixtures / "two_outputs.onnx").run({"a": [2], "b": [3]}, outputs)
