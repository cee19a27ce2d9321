"""Values as the cases write them: made into what Python programs pass, and compared with what they get back."""

import math

import ml_dtypes
import numpy as np
import ortlet

from .cases import Wrong

WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
FLOATS = {
    "float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
}  # fmt: skip


def numpy_type(name):
    """The NumPy type of a dtype; ml_dtypes brings those that NumPy lacks."""
    if name == "string":
        return np.dtype(object)
    return np.dtype(getattr(ml_dtypes, name, name))


def tensor(stored):
    """A tensor of a case as an array."""
    name, shape = stored["dtype"], stored["shape"]
    if name == "string":
        return np.array(stored["data"], object).reshape(shape)
    if name in FLOATS:
        data = [WORDS.get(element, element) for element in stored["data"]]
        return np.array(data, np.float64).astype(numpy_type(name)).reshape(shape)
    data = [element if isinstance(element, bool) else int(element) for element in stored["data"]]
    return np.array(data, numpy_type(name)).reshape(shape)


def value(stored):
    """A value of a case as a Python program passes it."""
    if "sequence" in stored:
        return [value(element) for element in stored["sequence"]]
    if "map" in stored:
        keys, elements = (tensor(stored["map"][part]).tolist() for part in ("keys", "values"))
        return dict(zip(keys, elements))
    if "optional" in stored:
        return None if stored["optional"] is None else value(stored["optional"])
    return tensor(stored)


def named(stored):
    """Values by name."""
    return {name: value(each) for name, each in stored.items()}


def plain(given):
    """A tensor that was given back: its dtype, its shape, and its elements as Python numbers, truths and texts."""
    if isinstance(given, ortlet.Tensor):
        return given.dtype, tuple(given.shape), flat(given.tolist(), len(given.shape))
    if not isinstance(given, (np.ndarray, np.generic)):
        raise Wrong(f"is a {type(given).__name__}, expected a tensor")
    is_text = given.dtype.kind in "OU"
    return "string" if is_text else given.dtype.name, given.shape, [scalar(one) for one in np.ravel(given)]


def flat(nested, depth):
    """The elements of nested lists in row-major order."""
    if depth == 0:
        return [nested]
    return [element for part in nested for element in flat(part, depth - 1)]


def scalar(one):
    """An element as a Python object; those of ml_dtypes have no `item` that gives a number."""
    if isinstance(one, (str, bool, int)):
        return one
    own = one.item() if isinstance(one, np.generic) else one
    if isinstance(own, (str, bool, int, float)):
        return own
    return int(own) if one.dtype.name in ("int4", "uint4", "int2", "uint2") else float(own)


def is_near(actual, expected, tolerance):
    """Whether two numbers, truths or texts are equal as the suite means it."""
    if not (isinstance(actual, float) and isinstance(expected, float)):
        return type(actual) is type(expected) and actual == expected
    if actual == expected or (math.isnan(actual) and math.isnan(expected)):
        return True
    is_finite = math.isfinite(actual) and math.isfinite(expected)
    return is_finite and abs(actual - expected) <= tolerance * max(1.0, abs(expected))


def check_all(actual, expected, tolerance):
    """Fails unless there are exactly the expected outputs."""
    if actual is None:
        raise Wrong("nothing was run")
    for name, stored in expected.items():
        if name not in actual:
            raise Wrong(f"there is no output `{name}`")
        check(f"output `{name}`", actual[name], stored, tolerance)
    for name in actual:
        if name not in expected:
            raise Wrong(f"output `{name}` is not expected")


def check(what, actual, stored, tolerance):
    """Fails unless a value is the expected one."""
    if "sequence" in stored:
        check_sequence(what, actual, stored["sequence"], tolerance)
    elif "map" in stored:
        check_map(what, actual, stored["map"], tolerance)
    elif "optional" not in stored:
        check_tensor(what, actual, tensor(stored), tolerance)
    elif stored["optional"] is not None:
        check(what, actual, stored["optional"], tolerance)
    elif actual is not None:
        raise Wrong(f"{what} is {actual!r}, expected nothing")


def check_sequence(what, actual, expected, tolerance):
    if not isinstance(actual, list) or len(actual) != len(expected):
        raise Wrong(f"{what} is {actual!r}, expected a list of {len(expected)}")
    for number, (own, stored) in enumerate(zip(actual, expected)):
        check(f"{what}, element {number},", own, stored, tolerance)


def check_map(what, actual, expected, tolerance):
    if not isinstance(actual, dict):
        raise Wrong(f"{what} is {actual!r}, expected a dict")
    keys, elements = (plain(tensor(expected[part]))[2] for part in ("keys", "values"))
    if list(actual) != keys:
        raise Wrong(f"{what} has the keys {list(actual)}, expected {keys}")
    for key, element in zip(keys, elements):
        if not is_near(scalar(actual[key]), element, tolerance):
            raise Wrong(f"{what} has {actual[key]!r} for {key!r}, expected {element!r}")


def check_tensor(what, actual, expected, tolerance):
    """Fails unless dtype, shape and elements are the expected ones."""
    dtype, shape, elements = plain(actual)
    wanted_dtype, wanted_shape, wanted = plain(expected)
    if (dtype, shape) != (wanted_dtype, wanted_shape):
        raise Wrong(f"{what} is {dtype}{list(shape)}, expected {wanted_dtype}{list(wanted_shape)}")
    for at, (own, other) in enumerate(zip(elements, wanted)):
        if not is_near(own, other, tolerance):
            raise Wrong(f"{what}: element {at} is {own!r}, expected {other!r}; all: {elements}")
