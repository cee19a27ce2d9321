"""The ONNX Runtime that this process uses. It is chosen once, by the first session or by `load`."""

from __future__ import annotations

from . import _ortlet
from ._ortlet import register_provider_library

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from .reports import RuntimeSummary

__all__ = ["load", "register_provider_library"]


def load(path: str | os.PathLike[str] | None = None) -> RuntimeSummary:
    """Loads ONNX Runtime from a library, or a folder with one in it; says which it is.

    Without a path: what the environment variable `ORTLET_RUNTIME` names, else the one in this package, else an installed
    one. A process has only one: if another was loaded before, that is `InvalidArgument`.
    """
    return _ortlet.load_runtime({} if path is None else {"path": path})
