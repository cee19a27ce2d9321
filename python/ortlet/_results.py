"""What functions give that make a model and report on it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._ortlet import Model
    from .reports import PrecisionReport, QuantizeReport

    _QuantizedPair = tuple[Model, QuantizeReport]
    _ChoicePair = tuple[Model, PrecisionReport]
else:
    _QuantizedPair = _ChoicePair = tuple


class Quantized(_QuantizedPair):
    """What `quantize` gives: `model, report = ortlet.quantize(...)`, or `.model` and `.report`."""

    __slots__ = ()

    def __new__(cls, model: Model, report: QuantizeReport) -> Quantized:
        return super().__new__(cls, (model, report))

    def __getnewargs__(self) -> tuple[Model, QuantizeReport]:
        return self.model, self.report

    def __repr__(self) -> str:
        return f"Quantized(model={self.model!r}, report=QuantizeReport)"

    @property
    def model(self) -> Model:
        """The new model."""
        return self[0]

    @property
    def report(self) -> QuantizeReport:
        """What became of each layer, and why."""
        return self[1]


class PrecisionChoice(_ChoicePair):
    """What `choose_precision` gives: `model, report = ortlet.choose_precision(...)`, or `.model` and `.report`."""

    __slots__ = ()

    def __new__(cls, model: Model, report: PrecisionReport) -> PrecisionChoice:
        return super().__new__(cls, (model, report))

    def __getnewargs__(self) -> tuple[Model, PrecisionReport]:
        return self.model, self.report

    def __repr__(self) -> str:
        return f"PrecisionChoice(model={self.model!r}, report=PrecisionReport)"

    @property
    def model(self) -> Model:
        """The model to use: another form of the one given, or that one."""
        return self[0]

    @property
    def report(self) -> PrecisionReport:
        """What was tried, what was chosen, and why."""
        return self[1]
