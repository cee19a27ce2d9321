"""Facts of JSON reports and of errors, each named by a JSON pointer."""

import json

from .cases import Wrong

ABSENT = object()


def as_json(report):
    """What a report is as JSON, by way of text, so that nothing but JSON can be in it."""
    return json.loads(json.dumps(report))


def check(what, report, facts):
    """Fails unless every fact is so. `what` is what the report is called in failures."""
    for pointer, expected in facts.items():
        actual = follow(report, pointer)
        if not holds(actual, expected):
            said = "absent" if actual is ABSENT else json.dumps(actual)
            raise Wrong(f"{what} {pointer} is {said}, expected {json.dumps(expected)}\nof {json.dumps(report)}")


def check_error(error, expected):
    """Fails unless an error is the expected one."""
    if error.code != expected["code"]:
        raise Wrong(f"fails with {error.code}: {error}; expected the code {expected['code']}")
    check("details", as_json(error.details), expected.get("details", {}))
    for part in expected.get("message_contains", []):
        if part not in str(error):
            raise Wrong(f"`{part}` is not in the message: {error}")


def follow(document, pointer):
    """What a JSON pointer leads to."""
    if pointer and not pointer.startswith("/"):
        raise Wrong(f"`{pointer}` is no JSON pointer")
    for part in pointer.split("/")[1:]:
        document = member(document, part.replace("~1", "/").replace("~0", "~"))
    return document


def member(document, name):
    if isinstance(document, dict):
        return document.get(name, ABSENT)
    if isinstance(document, list) and name.isdecimal() and int(name) < len(document):
        return document[int(name)]
    return ABSENT


def holds(actual, expected):
    """Whether a value is the expected one, or has the property that an object with one key `$…` says."""
    keys = list(expected) if isinstance(expected, dict) else []
    if len(keys) != 1 or not keys[0].startswith("$"):
        return actual is not ABSENT and same(actual, expected)
    operand = expected[keys[0]]
    if keys[0] == "$present":
        return (actual is not ABSENT) == operand
    if keys[0] not in PROPERTIES:
        raise Wrong(f"no property is called {keys[0]}")
    return actual is not ABSENT and PROPERTIES[keys[0]](actual, operand)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def kind(value):
    if is_number(value):
        return "number"
    names = {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def contains(actual, operand):
    if isinstance(actual, str):
        return isinstance(operand, str) and operand in actual
    return isinstance(actual, list) and any(same(element, operand) for element in actual)


PROPERTIES = {
    "$type": lambda actual, operand: kind(actual) == operand,
    "$at_least": lambda actual, operand: is_number(actual) and actual >= operand,
    "$at_most": lambda actual, operand: is_number(actual) and actual <= operand,
    "$length": lambda actual, operand: isinstance(actual, (list, dict)) and len(actual) == operand,
    "$contains": contains,
}


def same(actual, expected):
    """Equal, and numbers by their value: 1 is 1.0, but it is not true."""
    if kind(actual) != kind(expected):
        return False
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(same(actual[key], expected[key]) for key in expected)
    return actual == expected
