#!/usr/bin/env python3
"""Finds the paragraphs of Markdown files that answer a question, by their meaning."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import sys
import textwrap
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import ortlet

import embedder
import index
import paragraphs

# Where `cargo xtask setup` puts the model.
MODELS = Path(os.environ.get("ORTLET_TEST_MODELS", "~/.cache/ortlet-dev/models")).expanduser()
PROJECT = Path(__file__).resolve().parents[2]
# Of these, three tenths verify what was chosen on the others.
SAMPLE_COUNT = 32


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("query", help="a question or a few words")
    add("--docs", type=Path, nargs="+", metavar="PATH", help=".md files or folders; default: this project's")
    add("--index", type=Path, metavar="FILE", help="keep the vectors there: only new paragraphs take time")
    add("--model", type=Path, default=MODELS / "minilm", metavar="FOLDER", help="default: %(default)s")
    add("--top", type=int, default=3, metavar="N", help="paragraphs to print (default: %(default)s)")
    add(
        "--precision", choices=["original", "auto"], default="original", help="auto: try 8 bits on these docs"
    )
    add(
        "--time-limit",
        type=float,
        default=120,
        metavar="S",
        help="for --precision auto (default: %(default)s)",
    )
    add("--cache", action="store_true", help="keep the compiled model in the user's cache: starts faster")
    add("--json", action="store_true", help="print JSON instead of text")
    return parser.parse_args()


def session_options(options: argparse.Namespace, texts: list[str]) -> dict[str, Any]:
    """Runs do not share a core: whole batches are computed side by side."""
    chosen: dict[str, Any] = {"profile": "throughput", "cache": options.cache}
    if options.precision == "auto":
        samples = texts[:: max(1, len(texts) // SAMPLE_COUNT)][:SAMPLE_COUNT]
        chosen |= embedder.precision_options(options.model, samples)
        chosen["time_limit_ms"] = int(options.time_limit * 1000)
    return chosen


def indexed(model: embedder.Embedder, texts: list[str], path: Path | None) -> tuple[index.Vectors, int]:
    """A vector for each text, and how many of them are new."""
    known = index.load(path) if path else {}
    precision = model.session.report().precision
    made_by = precision.chosen if precision else "original"
    # Vectors of models that compute with other numbers are not compared with each other.
    keys = [hashlib.sha256(f"{made_by}\n{text}".encode()).hexdigest() for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        known.update(zip(new, asyncio.run(model.embed_all(list(new.values()))), strict=True))
        if path:
            index.save(path, known, keys)
    return np.stack([known[key] for key in keys]), len(new)


def search(options: argparse.Namespace) -> dict[str, Any]:
    """The best paragraphs with their cosines, and how long it took to find them."""
    found = list(paragraphs.of_files(options.docs or [*sorted(PROJECT.glob("*.md")), PROJECT / "docs"]))
    if not found:
        raise ValueError("there is no paragraph in these documents")
    texts = [paragraph.embedded for paragraph in found]
    start = time.perf_counter()
    model = embedder.Embedder(options.model, **session_options(options, texts))
    loaded = time.perf_counter()
    vectors, embedded = indexed(model, texts, options.index)
    ready = time.perf_counter()
    scores = vectors @ model.embed(options.query)
    answered = time.perf_counter()
    precision = model.session.report().precision
    return {
        "results": [
            {"score": float(scores[place]), **asdict(found[place])}
            for place in np.argsort(-scores, kind="stable")[: options.top]
        ],
        "paragraphs": len(found),
        "embedded": embedded,
        "load_ms": (loaded - start) * 1e3,
        "index_ms": (ready - loaded) * 1e3,
        "query_ms": (answered - ready) * 1e3,
        "precision": precision and {"chosen": precision.chosen, "verdict": precision.verdict},
    }


def shown(file: str) -> str:
    """The project's own files without the way to the project."""
    path = Path(file)
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else file


def print_answer(answer: dict[str, Any]) -> None:
    width = min(100, shutil.get_terminal_size().columns)
    for result in answer["results"]:
        print(f"{result['score']:.3f}  {shown(result['file'])}:{result['line']}  {result['heading']}")
        print(textwrap.fill(result["text"], width, initial_indent=" " * 7, subsequent_indent=" " * 7))
        print()
    print(
        f"{answer['paragraphs']} paragraphs, {answer['embedded']} new; "
        f"model loaded in {answer['load_ms']:.0f} ms, "
        f"indexed in {answer['index_ms']:.0f} ms, query answered in {answer['query_ms']:.1f} ms"
    )
    if answer["precision"]:
        print(textwrap.fill(f"precision: {answer['precision']['verdict']}", width))


def main() -> int:
    options = arguments()
    try:
        answer = search(options)
    except (OSError, ValueError, ortlet.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        # Runs and measurements that were under way have ended.
        return 130
    if options.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print_answer(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
