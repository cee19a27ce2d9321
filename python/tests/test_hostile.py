"""Objects that lie, fail or change while they are read: an exception is raised, and the interpreter lives on."""

import gc

import numpy as np
import ortlet
import pytest

from hostile import FOUR, REFUSED, Mine, endless, still_well
from identities import same_bits, through


def interface(**changes):
    """An object whose `__array_interface__` says something wrong."""

    class Lying:
        pass

    lying = Lying()
    said = FOUR.__array_interface__ | changes
    lying.__array_interface__ = {key: value for key, value in said.items() if value is not ...}
    return lying


INTERFACES = {
    "no-type": {"typestr": ...},
    "no-shape": {"shape": ...},
    "type-is-no-text": {"typestr": 4},
    "type-is-nonsense": {"typestr": "nonsense"},
    "type-is-empty": {"typestr": ""},
    "type-without-size": {"typestr": "<f"},
    "type-of-size-zero": {"typestr": "<f0"},
    "type-of-huge-size": {"typestr": "<f999999999999999999999"},
    "objects": {"typestr": "|O8"},
    "records": {"typestr": "|V4"},
    "time": {"typestr": "<M8[s]"},
    "negative-size": {"shape": (-4,)},
    "huge-size": {"shape": (2**62, 2**62)},
    "size-beyond-64-bits": {"shape": (2**70,)},
    "size-is-no-number": {"shape": ("four",)},
    "shape-is-no-tuple": {"shape": 4},
    "too-many-sizes": {"shape": (1,) * 1000},
    "stride-for-each-but-one": {"strides": ()},
    "too-many-strides": {"strides": (4, 4)},
    "strides-are-no-numbers": {"strides": ("x",)},
    "strides-beyond-64-bits": {"strides": (2**70,)},
    "no-address": {"data": (0, False)},
    "address-is-negative": {"data": (-8, False)},
    "address-is-no-number": {"data": ("here", False)},
    "address-beyond-64-bits": {"data": (2**70, False)},
    "data-is-no-pair": {"data": 5},
    "data-has-another-length": {"data": (1, 2, 3)},
}


@pytest.mark.parametrize("wrong", INTERFACES)
def test_an_array_interface_that_lies(wrong):
    with pytest.raises(REFUSED):
        through(interface(**INTERFACES[wrong]))
    assert still_well()


@pytest.mark.parametrize("said", [None, 5, [], {}, "text"])
def test_an_array_interface_that_is_none(said):
    lying = interface()
    lying.__array_interface__ = said
    with pytest.raises(REFUSED):
        through(lying)


def failing(name, error):
    """An object one of whose attributes raises."""
    return type("Failing", (), {name: property(lambda self: (_ for _ in ()).throw(error))})()


@pytest.mark.parametrize("name", ["__array_interface__", "__dlpack__", "__dlpack_device__"])
def test_an_attribute_that_raises(name):
    with pytest.raises((Mine, *REFUSED)):
        through(failing(name, Mine()))
    assert still_well()


def nested(depth):
    inner = 1.0
    for _ in range(depth):
        inner = [inner]
    return inner


class Growing(list):
    """A list that changes while it is read."""

    def __len__(self):
        self.append(1.0)
        return super().__len__()

    def __iter__(self):
        for each in list(self):
            self.clear()
            yield each


class Shrinking(float):
    """A number that empties the list that it is in, when it is asked for its value."""

    def __new__(cls, owner):
        own = super().__new__(cls, 1.0)
        own.owner = owner
        return own

    def __float__(self):
        self.owner.clear()
        gc.collect()
        return 1.0

    __index__ = __int__ = lambda self: int(self.__float__())


class Raising:
    def __float__(self):
        raise Mine

    __index__ = __len__ = __iter__ = __bool__ = __float__


class Endless:
    """A sequence without an end."""

    def __len__(self):
        return 2**62

    def __getitem__(self, at):
        return 1.0


def shrinking():
    own = [0.0] * 3
    own[0] = Shrinking(own)
    return own


LISTS = {
    "itself": endless(),
    "deep": nested(100_000),
    "a-little-too-deep": nested(2000),
    "endless": Endless(),
    "raising": [1.0, Raising()],
    "raising-alone": Raising(),
    "types": [float, int],
    "modules": gc,
    "generator": (float(n) for n in range(3)),
    "lists-of-different-depth": [[1.0], [[1.0]]],
    "array-in-a-list": [FOUR, FOUR[:2]],
}


@pytest.mark.parametrize("dtype", ["float32", "int64", "string", "bool", "bfloat16"])
@pytest.mark.parametrize("what", LISTS)
def test_lists_that_are_no_tensor(what, dtype):
    with pytest.raises((Mine, RecursionError, *REFUSED)):
        through(LISTS[what], dtype)
    assert still_well()


@pytest.mark.parametrize("make", [Growing, shrinking])
@pytest.mark.parametrize("dtype", ["float32", "int64", "float64"])
def test_lists_that_change(make, dtype):
    try:
        through(make(), dtype)
    except (Mine, *REFUSED):
        pass
    assert still_well()


ARRAYS = {
    "records": np.zeros(3, [("a", "f4")]),
    "times": np.zeros(3, "M8[s]"),
    "durations": np.zeros(3, "m8[ns]"),
    "bytes-that-are-no-text": np.array([b"\xff"]),
    "void": np.zeros(3, "V4"),
    "complex": np.zeros(3, complex),
    "long-double": np.zeros(3, np.longdouble),
    "of-itself": np.array([None], object),
    "huge-by-stride-zero": np.broadcast_to(np.float32(1), (2**40, 2**10)),
    "uninitialized-objects": np.empty(3, object),
}
ARRAYS["of-itself"][0] = ARRAYS["of-itself"]


@pytest.mark.parametrize("dtype", ["float32", "string"])
@pytest.mark.parametrize("what", ARRAYS)
def test_arrays_that_are_no_tensor(what, dtype):
    with pytest.raises(REFUSED):
        through(ARRAYS[what], dtype)
    assert still_well()


def test_truth_values_that_are_neither_true_nor_false():
    given = np.array([0, 1, 2, 255], np.uint8).view(bool)
    for make in (lambda: given, lambda: ortlet.Tensor(given), lambda: ortlet.Tensor(given.tobytes(), "bool")):
        try:
            got = through(make(), "bool")
        except REFUSED:
            continue
        assert got.tolist() == [False, True, True, True]
        assert all(byte in (0, 1) for byte in got.tobytes()) or got.tobytes() == given.tobytes()


class Kind(np.ndarray):
    """A subclass whose methods are not to be asked."""

    def __array_finalize__(self, _):
        pass

    def tobytes(self, *_):
        raise Mine


@pytest.mark.parametrize("given", [FOUR.view(Kind), np.ma.masked_array(FOUR, [0, 1, 0, 1])])
def test_subclasses_of_arrays_are_arrays_or_refused(given):
    try:
        assert same_bits(through(given), FOUR)
    except REFUSED:
        pass
