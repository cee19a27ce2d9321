"""Keeps vectors between runs of the program, so that only texts that are new are embedded."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def load(path: Path) -> dict[str, Vectors]:
    """The vectors by key; none if there is no file yet."""
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(zip(archive["keys"].tolist(), archive["vectors"], strict=True))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no index: {error}") from error


def save(path: Path, vectors: Mapping[str, Vectors], wanted: Iterable[str]) -> None:
    """Writes the vectors that are still wanted. Readers find the old file or the new one, never a half."""
    keys = sorted(set(wanted))
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        np.savez(file, keys=np.array(keys), vectors=np.stack([vectors[key] for key in keys]))
    part.replace(path)
