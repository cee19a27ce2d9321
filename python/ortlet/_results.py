"""What functions give that make a model and report on it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ._ortlet import Model
    from .reports import PrecisionReport, QuantizeReport


class _Result:
    """A model and a report, which can also be unpacked."""

    __slots__ = ("model", "report")

    model: Model
    """The new model."""

    report: Any

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return (self.model, self.report)[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, report={type(self.report).__name__})"


class Quantized(_Result):
    """What `quantize` gives: `model, report = ortlet.quantize(...)`."""

    __slots__ = ()

    report: QuantizeReport
    """What became of each layer, and why."""

    def __init__(self, model: Model, report: QuantizeReport) -> None:
        self.model = model
        self.report = report

    def __iter__(self) -> Iterator[Model | QuantizeReport]:
        return iter((self.model, self.report))


class PrecisionChoice(_Result):
    """What `choose_precision` gives: `model, report = ortlet.choose_precision(...)`."""

    __slots__ = ()

    report: PrecisionReport
    """What was tried, what was chosen, and why."""

    def __init__(self, model: Model, report: PrecisionReport) -> None:
        self.model = model
        self.report = report

    def __iter__(self) -> Iterator[Model | PrecisionReport]:
        return iter((self.model, self.report))
