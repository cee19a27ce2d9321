#!/usr/bin/env python3
"""Reads pictures of single lines of text, with PP-OCR's recogniser."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import unicodedata
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ortlet
from PIL import Image

import text_line

# Where `cargo xtask setup` puts the model.
MODELS = Path(os.environ.get("ORTLET_TEST_MODELS", "~/.cache/ortlet-dev/models")).expanduser()


@dataclass
class Line:
    """A picture, and what was read of it."""

    file: str
    text: str | None = None
    confidence: float | None = None
    how: str | None = None
    error: str | None = None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("pictures", nargs="+", type=Path, metavar="PICTURE", help="a PNG, JPEG, ... of one line of text")
    add(
        "--model", type=Path, default=MODELS / "rapidocr/PP-OCRv6_rec_small.onnx", help="default: %(default)s"
    )
    add("--width", type=int, metavar="PIXELS", help="fit all lines into this width, at a height of 48")
    add("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.width is not None and options.width < text_line.HEIGHT:
        parser.error(f"argument --width: at least {text_line.HEIGHT}")
    return options


class Reader:
    """The model and its characters."""

    def __init__(self, path: Path, fixed_width: int | None = None) -> None:
        model = ortlet.Model.open(path)
        report = model.report()
        self.characters = text_line.characters_of(report.metadata)
        self.fixed_width = fixed_width
        self.input, self.output = report.inputs[0].name, report.outputs[0].name
        # Where sizes are known beforehand, the optimiser can do more. The model has names for the open ones.
        batch, _, _, width = report.inputs[0].shape or (None,) * 4
        sizes = {batch: 1, width: fixed_width}
        dims = {name: size for name, size in sizes.items() if isinstance(name, str) and size}
        self.session = ortlet.Session(model, dims=dims)

    def read(self, pictures: list[Image.Image]) -> list[tuple[str, float, str]]:
        """Text, confidence and how it was run, for each picture."""
        of_width = defaultdict[int, list[int]](list)
        for place, picture in enumerate(pictures):
            of_width[self.fixed_width or text_line.padded_width(picture)].append(place)
        found: dict[int, tuple[str, float, str]] = {}
        for width, places in of_width.items():
            group = [pictures[place] for place in places]
            scores = self.run_bound(group, width) if len(group) > 1 else self.run_once(group[0], width)
            found.update(zip(places, scores, strict=True))
        return [found[place] for place in range(len(pictures))]

    def run_once(self, picture: Image.Image, width: int) -> list[tuple[str, float, str]]:
        """For a line that is the only one of its width."""
        line = np.empty((1, 3, text_line.HEIGHT, width), np.float32)
        text_line.write(picture, line[0])
        scores = self.session.run({self.input: line})[self.output]
        return [(*text_line.decode(scores[0], self.characters), "run")]

    def run_bound(self, pictures: list[Image.Image], width: int) -> list[tuple[str, float, str]]:
        """For several of one width: the input's memory is prepared once, each picture is written into it."""
        binding = self.session.bind({self.input: (1, 3, text_line.HEIGHT, width)})
        found = []
        for picture in pictures:
            text_line.write(picture, binding.inputs[self.input][0])
            scores = binding.run()[self.output]
            # Decoded before the next run, which may write its scores to the same place.
            found.append((*text_line.decode(scores[0], self.characters), "bound"))
        return found


def open_pictures(paths: list[Path]) -> tuple[list[Line], list[tuple[Line, Image.Image]]]:
    """A line for each path; those that could be opened with their pictures."""
    lines, opened = [Line(str(path)) for path in paths], []
    for path, line in zip(paths, lines, strict=True):
        try:
            opened.append((line, text_line.read(path)))
        except (OSError, Image.DecompressionBombError) as error:
            line.error = getattr(error, "strerror", None) or str(error)
    return lines, opened


def read(options: argparse.Namespace) -> dict[str, Any]:
    lines, opened = open_pictures(options.pictures)
    start = time.perf_counter()
    reader = Reader(options.model, options.width)
    loaded = time.perf_counter()
    texts = reader.read([picture for _, picture in opened])
    ended = time.perf_counter()
    for (line, _), (text, confidence, how) in zip(opened, texts, strict=True):
        line.text, line.confidence, line.how = text, confidence, how
    return {
        "lines": [asdict(line) for line in lines],
        "load_ms": (loaded - start) * 1e3,
        "read_ms": (ended - loaded) * 1e3,
    }


def columns(text: str) -> int:
    """The width on a terminal, where Chinese characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def print_table(answer: dict[str, Any]) -> None:
    rows = [("file", "text", "confidence"), ("", "", "")]
    for line in answer["lines"]:
        text = f"({line['error']})" if line["error"] else line["text"] or "(no text)"
        rows.append((line["file"], text, f"{line['confidence']:.3f}" if line["text"] else "-"))
    file_width, text_width = (max(columns(row[column]) for row in rows) for column in (0, 1))
    rows[1] = ("-" * file_width, "-" * text_width, "-" * len("confidence"))
    for file, text, confidence in rows:
        file += " " * (file_width - columns(file))
        text += " " * (text_width - columns(text))
        print(f"{file}  {text}  {confidence:>10}")
    print(f"\nmodel loaded in {answer['load_ms']:.0f} ms, read in {answer['read_ms']:.0f} ms")


def main() -> int:
    options = arguments()
    try:
        answer = read(options)
    except (OSError, ValueError, ortlet.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        print_table(answer)
    return 1 if any(line["error"] for line in answer["lines"]) else 0


if __name__ == "__main__":
    sys.exit(main())
