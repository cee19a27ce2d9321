#!/usr/bin/env python3
"""Tells the types of files by their content, with the Magika model."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import magika
import ortlet

# Where `cargo xtask setup` puts the model.
MODELS = Path(os.environ.get("ORTLET_TEST_MODELS", "~/.cache/ortlet-dev/models")).expanduser()


@dataclass
class Row:
    """One line of the table."""

    path: str
    label: str | None = None
    score: float | None = None
    error: str | None = None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("files", nargs="+", type=Path, metavar="FILE")
    add("--model", type=Path, default=MODELS / "magika/model.onnx", help="default: %(default)s")
    add("--config", type=Path, help="the labels; default: config.min.json beside the model")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--cache", action="store_true", help="keep the compiled model in the user's cache: starts faster"
    )
    start.add_argument(
        "--artifact", type=Path, metavar="PATH", help="start from this compiled model; if missing, it is made"
    )
    add("--deadline", type=float, metavar="MS", help="the longest that a run may take")
    add("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def open_session(options: argparse.Namespace) -> ortlet.Session:
    """The model itself, what the cache has of it, or one compiled file that a product can ship."""
    # A run on zeros, so that the first file is told as fast as the others.
    if options.artifact is None:
        return ortlet.Session(options.model, cache=options.cache, warm_up_runs=1)
    if not options.artifact.exists():
        ortlet.compile(options.model, options.artifact)
    return ortlet.Session(options.artifact, warm_up_runs=1)


def tell(session: ortlet.Session, config: magika.Config, path: Path, deadline: float | None) -> Row:
    """The type of one file. That it cannot be read or is late does not stop the others."""
    try:
        content = magika.read(path, config)
    except OSError as error:
        return Row(str(path), error=error.strerror)
    if content.features is None:
        return Row(str(path), content.known)
    try:
        outputs = session.run({"bytes": content.features[None]}, deadline=deadline)
    except ortlet.DeadlineExceeded:
        return Row(str(path), error="deadline exceeded")
    return Row(str(path), *config.label(outputs["target_label"][0], content.is_text))


def summary(session: ortlet.Session, load_ms: float) -> dict[str, object]:
    """How the session started, and how long its runs took."""
    report, metrics = session.report(), session.metrics()
    latency = metrics.compute
    percentiles = {name: latency[f"{name}_ns"] / 1e6 for name in ("p50", "p90", "p99")} if latency else {}
    return {
        "origin": report.origin,
        "cache": report.cache.outcome,
        "load_ms": load_ms,
        "runs": metrics.metrics.run_count,
        "late": metrics.metrics.deadline_exceeded_count,
        "latency_ms": percentiles,
    }


def print_table(rows: list[Row], about: dict[str, object]) -> None:
    labels = [row.label or f"({row.error})" for row in rows]
    path_width = max(len("path"), *(len(row.path) for row in rows))
    label_width = max(len("label"), *map(len, labels))
    print(f"{'path':{path_width}}  {'label':{label_width}}  score")
    print(f"{'-' * path_width}  {'-' * label_width}  -----")
    for row, label in zip(rows, labels, strict=True):
        score = "-" if row.score is None else f"{row.score:.3f}"
        print(f"{row.path:{path_width}}  {label:{label_width}}  {score:>5}")
    latency = about["latency_ms"]
    assert isinstance(latency, dict)
    percentiles = ", ".join(f"{name} {ms:.2f} ms" for name, ms in latency.items())
    print(f"\nload     {about['load_ms']:.1f} ms, from: {about['origin']}, cache: {about['cache']}")
    print(f"latency  {percentiles or '-'} over {about['runs']} runs, {about['late']} late")


def run(options: argparse.Namespace) -> int:
    deadline = None if options.deadline is None else options.deadline / 1e3
    start = time.perf_counter()
    with open_session(options) as session:
        load_ms = (time.perf_counter() - start) * 1e3
        config = magika.Config.read(options.config or options.model.with_name("config.min.json"))
        rows = [tell(session, config, path, deadline) for path in options.files]
        about = summary(session, load_ms)
    if options.json:
        print(json.dumps({"files": [asdict(row) for row in rows], **about}, indent=2))
    else:
        print_table(rows, about)
    return 1 if any(row.error for row in rows) else 0


def main() -> int:
    try:
        return run(arguments())
    except (OSError, ValueError, ortlet.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
