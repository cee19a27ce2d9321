"""Splits Markdown into the paragraphs that are searched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"\s*(```|~~~)")
HEADING = re.compile(r"#{1,6} +(.+?)[ #]*$")
# List items and rows of tables are paragraphs of their own: each says one thing.
ITEM = re.compile(r"\s*([-*+] |\d+\. |\|)")
TABLE_RULE = re.compile(r"[|\s:-]+$")
CELL_BORDER = re.compile(r" +\| +(?=\S)")
# What a reader of a rendered page does not see: emphasis, code marks, and where links lead.
MARKS = re.compile(r"[*`]|\]\([^)]*\)|\[")
FEWEST_WORDS = 4  # less says too little to be an answer


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, and where it stands."""

    file: str
    line: int
    heading: str
    text: str

    @property
    def embedded(self) -> str:
        """What the model reads: few paragraphs name their own subject."""
        return f"{self.heading}. {self.text}" if self.heading else self.text


def of_files(places: Iterable[Path]) -> Iterator[Paragraph]:
    """The paragraphs of files, and of all .md files below folders."""
    for place in places:
        for path in sorted(place.rglob("*.md")) if place.is_dir() else [place]:
            yield from split(str(path), path.read_text(encoding="utf-8"))


def split(file: str, markdown: str) -> Iterator[Paragraph]:
    """Paragraphs, list items and rows of tables, each with its heading. Blocks of code are left out."""
    heading, first, lines, is_code = "", 0, list[str](), False
    for number, line in enumerate([*markdown.splitlines(), ""], 1):
        is_fence, title = bool(FENCE.match(line)), HEADING.match(line)
        if lines and (is_fence or title or ITEM.match(line) or not line.strip()):
            text = plain(" ".join(lines))
            lines.clear()
            if len(text.split()) >= FEWEST_WORDS:
                yield Paragraph(file, first, heading, text)
        if is_fence:
            is_code = not is_code
        elif title and not is_code:
            heading = plain(title[1])
        elif line.strip() and not is_code and not TABLE_RULE.match(line):
            first = first if lines else number
            lines.append(line)


def plain(markdown: str) -> str:
    """The words without their marks, on one line."""
    words = ITEM.sub("", markdown, count=1).strip().rstrip("|") if ITEM.match(markdown) else markdown
    return " ".join(MARKS.sub("", CELL_BORDER.sub(", ", words)).split())
