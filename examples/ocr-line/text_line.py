"""What PP-OCR's recogniser looks at in the picture of a line, and what its output says."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.float32]

HEIGHT = 48
# Lines are filled up to a multiple of this, so that many have the same width and can share memory.
WIDTH_STEP = 64
# A picture wider than this is squeezed: nothing that is one line of text is so long.
MOST_WIDTH = 3200


def read(path: Path) -> Image.Image:
    """A picture as its viewer sees it: turned as the camera says, on white where it is transparent."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def padded_width(picture: Image.Image) -> int:
    """The width of the model's input for a picture."""
    steps = math.ceil(own_width(picture) / WIDTH_STEP)
    return min(steps * WIDTH_STEP, MOST_WIDTH)


def own_width(picture: Image.Image) -> int:
    return max(1, math.ceil(HEIGHT * picture.width / picture.height))


def write(picture: Image.Image, line: Pixels) -> None:
    """Writes a picture into the model's input: [3, 48, width], blue first, -1 to 1, filled up with 0."""
    width = min(own_width(picture), line.shape[2])
    scaled = np.asarray(picture.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32)
    line[:, :, :width] = scaled.transpose(2, 0, 1)[::-1] / 127.5 - 1
    line[:, :, width:] = 0


def decode(scores: Pixels, characters: list[str]) -> tuple[str, float]:
    """The text and the mean probability of its characters; `scores` has a row for each step along the line.

    Greedy CTC: the best class of each step; 0 is "nothing new", a class that repeats is one character.
    """
    classes = scores.argmax(1)
    starts = np.append(True, classes[1:] != classes[:-1]) & (classes != 0)
    text = "".join(characters[number] for number in classes[starts])
    return text, float(scores.max(1)[starts].mean()) if text else 0.0


def characters_of(metadata: dict[str, str]) -> list[str]:
    """What each class stands for. The model brings its own list, without "nothing new" and the space."""
    if "character" not in metadata:
        raise ValueError("the model has no list of characters: it is none of PP-OCR's recognisers")
    return ["", *metadata["character"].splitlines(), " "]
