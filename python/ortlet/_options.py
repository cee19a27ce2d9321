"""Options as objects: dicts that check themselves."""

from __future__ import annotations

from . import _ortlet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from typing_extensions import Unpack

    from .options import SessionOptionsDict

    _Measure = Callable[[Mapping[str, Any], Mapping[str, Any]], float]


class _Options(dict):  # type: ignore[type-arg]
    """Options by name. Equal, copied, pickled and shown as what they hold."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"{type(self).__name__}({options})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), dict(self))


def _restored(kind: type[_Options], options: dict[str, Any]) -> _Options:
    return kind(**options)


class SessionOptions(_Options):
    """How a session is created: `Session("model.onnx", SessionOptions(threads=1))`.

    The names are those of `ortlet.options.SessionOptionsDict`. An unknown name or a wrong value is `InvalidArgument`.
    """

    def __init__(self, **options: Unpack[SessionOptionsDict]) -> None:
        super().__init__(options)
        _ortlet.check_session_options(self)


class Accuracy(_Options):
    """How far results may be off with `precision="auto"`. Whatever is `None` is not asked for.

    Without any, `min_cosine=0.997` and `mean_cosine=0.999`; `cosine` is short for `mean_cosine`. `measure(reference,
    candidate)` gets the outputs of both models for one sample and says how good the candidate's are, larger being better;
    its mean has to be at least `measure_at_least`.
    """

    def __init__(
        self,
        *,
        cosine: float | None = None,
        measure: _Measure | None = None,
        measure_at_least: float | None = None,
        **figures: float | None,
    ) -> None:
        super().__init__(figures)
        if cosine is not None:
            self["mean_cosine"] = cosine
        if measure is not None:
            self.update(measure=measure, measure_at_least=measure_at_least)
        _ortlet.check_session_options({"accuracy": self})
