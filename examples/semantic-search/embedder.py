"""Sentence embeddings: text in, a vector of length 1 out, with MiniLM."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ortlet
from numpy.typing import NDArray
from tokenizers import Tokenizer

Vectors = NDArray[np.float32]
Batch = dict[str, NDArray[np.int64]]

# The model knows 512 places; what is further back in a paragraph hardly changes what it is about.
MOST_TOKENS = 256
BATCH_SIZE = 16


class Embedder:
    """The tokenizer and the model."""

    def __init__(self, folder: Path, **session_options: Any) -> None:
        self.tokenizer = load_tokenizer(folder)
        self.session = ortlet.Session(folder / "model.onnx", **session_options)

    def embed(self, text: str) -> Vectors:
        """The vector of one text."""
        inputs, _ = next(batches(self.tokenizer, [text]))
        vectors = pooled(self.session.run(inputs)["last_hidden_state"], inputs["attention_mask"])
        return vectors.reshape(-1)

    async def embed_all(self, texts: Sequence[str]) -> Vectors:
        """A vector for each text, of which there is at least one. As many batches as cores are under way."""
        free = asyncio.Semaphore(os.cpu_count() or 1)

        async def embed(inputs: Batch) -> Vectors:
            async with free:
                outputs = await self.session.run_async(inputs)
            return pooled(outputs["last_hidden_state"], inputs["attention_mask"])

        made = list(batches(self.tokenizer, texts))
        vectors = np.concatenate(await asyncio.gather(*(embed(inputs) for inputs, _ in made)))
        # Back from the order of the batches to that of the texts.
        return vectors[np.argsort([place for _, places in made for place in places])]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer beside the model, without its own padding, which would fill each text to 128 tokens."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise FileNotFoundError(f"there is no tokenizer {path}")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def batches(tokenizer: Tokenizer, texts: Sequence[str]) -> Iterator[tuple[Batch, list[int]]]:
    """The model's inputs, and which texts they are. Texts of like length are together: little is padding."""
    by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    for start in range(0, len(by_length), BATCH_SIZE):
        places = by_length[start : start + BATCH_SIZE]
        encodings = tokenizer.encode_batch([texts[place] for place in places])
        yield (
            {
                "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
                "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
                "token_type_ids": np.array([encoding.type_ids for encoding in encodings], np.int64),
            },
            places,
        )


def pooled(states: Vectors, mask: NDArray[np.int64]) -> Vectors:
    """The mean of the tokens that are no padding, scaled to length 1: products of two are then cosines."""
    weights = mask[:, :, None].astype(np.float32)
    means: Vectors = (states * weights).sum(1) / weights.sum(1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return means


def precision_options(folder: Path, texts: Sequence[str]) -> dict[str, Any]:
    """Options by which the session finds out whether 8 bits are faster here, on texts of the index."""
    tokenizer = load_tokenizer(folder)
    samples = [next(batches(tokenizer, [text]))[0] for text in texts]
    # Of single tokens' states. The mean of a sentence is nearer to the original's: errors even out.
    accuracy = ortlet.Accuracy(min_cosine=0.95, mean_cosine=0.98)
    return {"precision": "auto", "samples": samples, "accuracy": accuracy}
