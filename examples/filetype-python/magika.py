"""What Magika looks at in a file, and what its scores mean."""

from __future__ import annotations

import codecs
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Config:
    """The part of the model's own configuration that its third version uses."""

    beg_size: int
    end_size: int
    block_size: int
    padding_token: int
    min_file_size_for_dl: int
    medium_confidence_threshold: float
    target_labels_space: list[str]
    thresholds: dict[str, float]
    overwrite_map: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Config:
        """Reads the file that comes with the model; ValueError if it is none."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            return cls(**{name: fields[name] for name in cls.__dataclass_fields__})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no configuration of Magika: {error}") from error

    def label(self, scores: NDArray[np.float32], is_text: bool) -> tuple[str, float]:
        """The best label and its score. Where the model is not sure, it only says whether it is text."""
        best = int(scores.argmax())
        label = self.target_labels_space[best]
        # As float32, in which the model computes: a score of 0.9 is below the number 0.9.
        if scores[best] < np.float32(self.thresholds.get(label, self.medium_confidence_threshold)):
            return vague(is_text), float(scores[best])
        return self.overwrite_map.get(label, label), float(scores[best])


@dataclass(frozen=True)
class Content:
    """A file as far as it is known before the model runs."""

    known: str | None = None  # what it is, if that takes no model
    features: NDArray[np.int32] | None = None  # the model's input otherwise
    is_text: bool = False


def read(path: Path, config: Config) -> Content:
    """Reads a file's beginning and end; OSError if it cannot."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        return Content("directory" if stat.S_ISDIR(mode) else "special")
    with path.open("rb") as file:
        first = file.read(config.block_size)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - config.block_size))
        last = file.read(config.block_size)
    return content(first, last, config)


def content(first: bytes, last: bytes, config: Config) -> Content:
    """The model's input: bytes from the beginning and the end, without white space around them."""
    if not first:
        return Content("empty")
    beginning, end = first.lstrip(), last.rstrip()
    is_text = is_utf8(first)
    if len(beginning) < config.min_file_size_for_dl:
        return Content(vague(is_text))
    features = np.full(config.beg_size + config.end_size, config.padding_token, np.int32)
    beginning, end = beginning[: config.beg_size], end[-config.end_size :]
    features[: len(beginning)] = np.frombuffer(beginning, np.uint8)
    features[len(features) - len(end) :] = np.frombuffer(end, np.uint8)
    return Content(features=features, is_text=is_text)


def vague(is_text: bool) -> str:
    return "txt" if is_text else "unknown"


def is_utf8(block: bytes) -> bool:
    """Whether bytes are UTF-8, apart from a character that their end cuts."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(block)
    except UnicodeDecodeError:
        return False
    return True
