"""Runs in asyncio."""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ._ortlet import CancelToken, Session


async def run(
    session: Session,
    inputs: Mapping[str, Any],
    outputs: Sequence[str] | None,
    deadline: float | None,
    cancel: CancelToken | None,
) -> dict[str, Any]:
    """Runs the model on another thread. A task that is cancelled, cancels the run."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[dict[str, Any]] = loop.create_future()

    def settle(result: dict[str, Any] | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result or {})

    def done(result: dict[str, Any] | None, error: BaseException | None) -> None:
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            # The loop is closed, so nobody waits any more.
            pass

    running = session._start(inputs, outputs, deadline, cancel, done)
    try:
        return await future
    finally:
        running.cancel()
