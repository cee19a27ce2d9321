"""A bar on the terminal for work that takes long."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WIDTH = 24
MOST_COLUMNS = 100


def bar(title: str, wanted: bool | None) -> Bar | None:
    """A bar if one is wanted, or, where nobody says so, if standard error is a terminal."""
    if sys.stderr is None or wanted is False:
        return None
    return Bar(title) if wanted or sys.stderr.isatty() else None


class Bar:
    """Shows how far the work is, in one line that is written over."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.is_shown = False
        self.last_ns = 0

    def __call__(self, now: Any) -> None:
        # More often is not seen, and takes time from what is measured.
        if self.is_shown and now["elapsed_ns"] - self.last_ns < 100_000_000:
            return
        self.last_ns = now["elapsed_ns"]
        self.is_shown = True
        self._write(line(self.title, now))

    def close(self) -> None:
        """Removes the bar."""
        if self.is_shown:
            self._write("")
            self.is_shown = False

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text[:MOST_COLUMNS]}\x1b[K")
        sys.stderr.flush()


def line(title: str, now: Any) -> str:
    """One line for a progress report of any kind."""
    done = now.get("done")
    if done is None and now.get("time_limit_ns"):
        done = min(1.0, now["elapsed_ns"] / now["time_limit_ns"])
    what = now.get("stage") or now.get("candidate") or ""
    text = f"{title}: " if not what else f"{title}: {what} "
    if done is not None:
        full = round(done * WIDTH)
        text += f"[{'#' * full}{'.' * (WIDTH - full)}] {done:4.0%} "
    left = now.get("remaining_ns") or now.get("left_ns")
    if left:
        text += f"{left / 1e9:.0f} s left"
    else:
        text += f"{now['elapsed_ns'] / 1e9:.0f} s"
    return text
