#!/usr/bin/env python3
"""Make what models are quantized with and judged by.

usage: make_data.py MODELS OUT

Writes OUT/TASK/samples/*.npz and OUT/TASK/heldout/*.npz, an archive for each sample with an array for each input, and
OUT/TASK/timing.npz, the one that runs are timed with. Texts are those of Python's own library, files those of this
machine, lines are rendered, speech is espeak-ng's. Needs: numpy, onnxruntime, pillow, tokenizers, espeak-ng.
"""

import ast
import os
import sys
import sysconfig
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tokenizers import Tokenizer

import speech
from splits import SEED, divide, shuffled

# More of a kind of file would only make the kinds less even.
FILES_OF_A_KIND = 12
LENGTH_TIMED = 128


def library_files():
    return sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def sentences():
    """Sentences of doc comments, shuffled."""
    found = []
    for path in library_files():
        tree = ast.parse(path.read_bytes())
        kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        for node in ast.walk(tree):
            text = ast.get_docstring(node) if isinstance(node, kinds) else None
            for sentence in " ".join((text or "").split()).replace(". ", ".\n").split("\n"):
                if 20 < len(sentence) < 300 and sentence[0].isupper() and sentence.endswith("."):
                    found.append(sentence)
    return shuffled(found)


def embedded(tokenizer, text, length=LENGTH_TIMED):
    ids = np.array([tokenizer.encode(text).ids[:length]], np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def files():
    """Files of this machine, a few of each kind, shuffled."""
    roots = ["/usr/share", "/usr/lib", "/usr/include", "/usr/bin", "/etc", str(library_files()[0].parent)]
    of_kind = {}
    for root in roots:
        for folder, _, names in os.walk(root):
            for path in (os.path.join(folder, name) for name in names if "zoneinfo" not in folder):
                if os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                    if os.path.getsize(path) >= 64:
                        of_kind.setdefault(os.path.splitext(path)[1].lower(), []).append(path)
    return shuffled(path for paths in of_kind.values() for path in shuffled(paths)[:FILES_OF_A_KIND])


def file_features(path):
    """The first and last 1024 bytes without blank ones around, 256 where there are none, as the detector wants."""
    with open(path, "rb") as file:
        start = file.read(4096).lstrip()[:1024]
        file.seek(-min(4096, os.path.getsize(path)), os.SEEK_END)
        end = file.read().rstrip()[-1024:]
    filler = lambda part: [256] * (1024 - len(part))
    return {"bytes": np.array([[*start, *filler(start), *filler(end), *end]], np.int32)}


def line(words, seed, width, upside_down=False):
    """A picture of a line of text, 48 pixels high, a little noisy."""
    random = np.random.default_rng(seed)
    image = Image.new("L", (width, 48), int(random.integers(190, 256)))
    text = " ".join(random.choice(words, 4))[: int(random.integers(12, 22))]
    if random.random() < 0.4:
        text = f"{text[:8]} {random.integers(10, 99999)}"
    font = ImageFont.load_default(int(random.integers(22, 34)))
    place = (6, int(random.integers(2, 10)))
    ImageDraw.Draw(image).text(place, text, fill=int(random.integers(0, 90)), font=font)
    if upside_down:
        image = image.rotate(180)
    pixels = np.asarray(image, np.float32)[None, None].repeat(3, 1) / 127.5 - 1.0
    return {"x": (pixels + random.normal(0, 0.03, pixels.shape)).astype(np.float32)}


def save(folder, made, held_out, timing, **count):
    parts = dict(zip(("samples", "heldout"), divide(made, held_out, **count), strict=True))
    for part, samples in parts.items():
        (folder / part).mkdir(parents=True)
        for number, arrays in enumerate(samples):
            np.savez(folder / part / f"{number:04}.npz", **arrays)
    np.savez(folder / "timing.npz", **(timing or parts["heldout"][0]))


def main():
    models, out = Path(sys.argv[1]), Path(sys.argv[2])
    texts = sentences()
    tokenizer = Tokenizer.from_file(str(models / "minilm/tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    long = embedded(tokenizer, " ".join(texts[-50:]))
    assert long["input_ids"].shape == (1, LENGTH_TIMED)
    save(out / "minilm", (embedded(tokenizer, text) for text in texts[:-50]), 200, long)
    # Of a hundred files, one or two are nearly of another type too: too few samples have none of them.
    save(out / "magika", (file_features(path) for path in files()), 320, None, count=256)

    words = sorted({word for text in texts for word in text.split() if word.isalpha() and 2 <= len(word) <= 12})
    save(out / "rec", (line(words, SEED + number, 320) for number in range(400)), 200, None)
    turned = (line(words, 10_000 + number, 192, number % 2 == 1) for number in range(400))
    save(out / "cls", turned, 200, None)

    model = models / "silero-vad/silero_vad.onnx"
    save(out / "silero", speech.windows(model, texts[:40]), 400, None)


main()
