"""What every report is: a dict whose values are attributes too, and which prints as a tree."""

from __future__ import annotations

# Known to type checkers as true. `typing` itself would make the start of every program slower.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, ClassVar

    from typing_extensions import Self

    _Dict = dict[str, Any]
else:
    _Dict = dict

# How much of a list is shown: items that are reports, and others.
_SHOWN_REPORTS = 4
_SHOWN_ITEMS = 8
_SHOWN_ROWS = 20
# How much of a text is shown.
_SHOWN_CHARACTERS = 120
# Longer floats are rounded.
_LONGEST_FLOAT = 8
# Values stand in one column, but no further to the right than this.
_WIDEST_KEYS = 36


class Report(_Dict):
    """A report: a dict with its values as attributes, `report.phases.total_ns` for `report["phases"]["total_ns"]`.

    Dicts inside of it are reports too. What is known of a kind of report is declared by its class in `ortlet.reports`.
    It is compared, pickled and written as JSON like any dict.
    """

    # Set by the classes of `ortlet.reports`: the class of a field that is a report or a list of them; what a field
    # stands for that is left out; keys that are no names, by the attributes that they are.
    _nested: ClassVar[dict[str, type[Report]]] = {}
    _absent: ClassVar[dict[str, Any]] = {}
    _renamed: ClassVar[dict[str, str]] = {}

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /) -> None:
        super().__init__(values)
        for key, value in self.items():
            if isinstance(value, (dict, list)):
                self[key] = _with_reports(value, self._nested.get(key, Report))

    # Hidden from type checkers, which would take any name for right.
    if not TYPE_CHECKING:

        def __getattr__(self, name):
            # Keys may come from a model. None of them is taken for what Python asks objects for.
            if not name.startswith("_"):
                key = self._renamed.get(name, name)
                if key in self:
                    return self[key]
                if name in self._absent:
                    empty = self._absent[name]
                    return None if empty is None else empty.copy()
            names = ", ".join(self._names()) or "nothing"
            raise AttributeError(f"{type(self).__name__} has no `{name}`; it has {names}", name=name, obj=self)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"attributes of a report are read only; set `report[{name!r}]`", name=name, obj=self)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names()]

    def __repr__(self) -> str:
        return _tree(self)

    def _repr_html_(self) -> str:
        return _table(self)

    def copy(self) -> Self:
        """A report with the same values, of the same class."""
        return type(self)(self)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts and lists."""
        return {key: _plain(value) for key, value in self.items()}

    def _names(self) -> list[str]:
        """The attributes that there are."""
        renamed = {key: name for name, key in self._renamed.items()}
        names = [renamed.get(key, key) for key in self]
        names += [name for name in self._absent if name not in names]
        return [name for name in names if name.isidentifier() and not name.startswith("_")]


def _with_reports(value: Any, kind: type[Report]) -> Any:
    """The value with reports of this class in place of dicts."""
    if isinstance(value, dict):
        return value if isinstance(value, kind) else kind(value)
    if isinstance(value, list):
        return [_with_reports(item, kind) for item in value]
    return value


def _plain(value: Any) -> Any:
    """The value with dicts in place of reports."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _tree(report: Report) -> str:
    """The report as indented lines, with the values in one column."""
    rows = list(_rows(report, 1))
    ends = [2 * depth + len(key) for depth, key, text in rows if text]
    column = min(max(ends, default=0), _WIDEST_KEYS) + 2
    lines = [type(report).__name__]
    for depth, key, text in rows:
        start = "  " * depth + key
        lines.append(f"{start:<{column - 1}} {text}".rstrip())
    return "\n".join(lines)


def _rows(values: Mapping[str, Any], depth: int) -> Iterator[tuple[int, str, str]]:
    """Depth, name and text of everything in a dict; what has lines of its own has no text."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield depth, key, ""
            yield from _rows(value, depth + 1)
        elif _is_of_dicts(value):
            yield depth, key, ""
            for index, item in enumerate(value[:_SHOWN_REPORTS]):
                yield depth + 1, f"[{index}]", ""
                yield from _rows(item, depth + 2)
            if len(value) > _SHOWN_REPORTS:
                yield depth + 1, f"… {len(value) - _SHOWN_REPORTS} more", ""
        else:
            yield depth, key, _text(value)


def _text(value: Any) -> str:
    """A value on one line, shortened if it is long."""
    if isinstance(value, list):
        items = [_text(item) for item in value[:_SHOWN_ITEMS]]
        if len(value) > _SHOWN_ITEMS:
            items.append(f"… {len(value) - _SHOWN_ITEMS} more")
        return f"[{', '.join(items)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_text(item)}' for key, item in value.items())}}}"
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{value[:_SHOWN_CHARACTERS]!r}…"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number(value)
    return repr(value)


def _number(value: int | float) -> str:
    """A number with its digits in groups, and no more of them than anyone reads."""
    if isinstance(value, int):
        return f"{value:_}"
    text = repr(value)
    if len(text) <= _LONGEST_FLOAT or not abs(value) < 1e15:
        return text
    return f"{value:_.1f}" if abs(value) >= 1000 else f"{value:.6g}"


def _is_of_dicts(value: Any) -> bool:
    """Whether it is a list of dicts with something in them."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and item for item in value)


def _table(values: Mapping[str, Any]) -> str:
    """A dict as a table of HTML, a row for each of its values."""
    name = f"<caption>{_escaped(type(values).__name__)}</caption>" if type(values) is not Report else ""
    rows = [f"<tr><th>{_escaped(key)}</th><td>{_cell(value)}</td></tr>" for key, value in values.items()]
    return f"<table>{name}{''.join(rows)}</table>"


def _cell(value: Any) -> str:
    """A value inside of a table."""
    if isinstance(value, dict) and value:
        return _table(value)
    if _is_of_dicts(value):
        return _list_table(value)
    return _escaped(value if isinstance(value, str) else _text(value))


def _list_table(items: list[Mapping[str, Any]]) -> str:
    """A list of dicts as a table of HTML, a row for each of them and a column for each key."""
    keys = list(dict.fromkeys(key for item in items for key in item))
    head = "".join(f"<th>{_escaped(key)}</th>" for key in keys)
    rows = [f"<tr>{head}</tr>"]
    for item in items[:_SHOWN_ROWS]:
        cells = (f"<td>{_cell(item[key])}</td>" if key in item else "<td></td>" for key in keys)
        rows.append(f"<tr>{''.join(cells)}</tr>")
    if len(items) > _SHOWN_ROWS:
        rows.append(f'<tr><td colspan="{len(keys)}">… {len(items) - _SHOWN_ROWS} more</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _escaped(text: str) -> str:
    # Here, because few programs need it.
    import html

    return html.escape(text)
