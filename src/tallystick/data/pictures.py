"""Pictures described by fixed filters that learn nothing from data: oriented gradients (Dalal, Triggs 2005).

Each member describes its own pictures. That costs no privacy, because the description of a picture depends on
that picture alone, and a linear model on it learns in few noised steps (Tramèr, Boneh 2021).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.data.refusals import DataError

Floats = NDArray[np.float32]

CELL = 4  # pixels a side
DIRECTIONS = 8  # of an edge, light on either side
LENGTH = 6.0  # of every description
AT_ONCE = 64  # pictures: what lies between stays in a core's cache


def oriented(images: NDArray[Any]) -> Floats:
    """[pictures, height, width(, colours)] bytes → [pictures, cells · directions], each row as long as 6.

    Where a picture has colours the strongest edge of them counts. The square root evens out strong and weak
    edges; neighbouring cells share a pixel by how near it is to each.
    """
    if images.ndim not in (3, 4) or min(images.shape[1:3], default=0) < 2 * CELL:
        raise DataError(f"pictures are [number, height, width] or with colours, not {list(images.shape)}")
    parts = [_described(images[first : first + AT_ONCE]) for first in range(0, len(images), AT_ONCE)]
    return np.concatenate(parts) if parts else _described(images)


def _described(images: NDArray[Any]) -> Floats:
    planes = images.astype(np.float32) / 255
    planes = planes[..., None] if planes.ndim == 3 else planes
    across, down = np.zeros_like(planes), np.zeros_like(planes)
    across[:, :, 1:-1] = planes[:, :, 2:] - planes[:, :, :-2]
    down[:, 1:-1] = planes[:, 2:] - planes[:, :-2]
    strength = np.hypot(across, down)
    strongest = strength.argmax(axis=3)[..., None]
    across, down, strength = (
        np.take_along_axis(part, strongest, axis=3)[..., 0] for part in (across, down, strength)
    )
    # A direction between two bins counts for both, by how near it is to each.
    turn = np.arctan2(down, across) % np.pi * (DIRECTIONS / np.pi)
    lower = np.floor(turn).astype(np.int32)
    share = turn - lower
    bins = np.zeros((*strength.shape, DIRECTIONS), np.float32)
    for which, weight in ((lower, 1 - share), (lower + 1, share)):
        places = (which % DIRECTIONS)[..., None]
        binned = np.take_along_axis(bins, places, axis=3) + (weight * strength)[..., None]
        np.put_along_axis(bins, places, binned, axis=3)
    number, height, width = strength.shape
    rows, columns = _nearness(height), _nearness(width)
    pooled = np.matmul(rows, bins.reshape(number, height, width * DIRECTIONS))
    pooled = np.matmul(columns, pooled.reshape(number, len(rows), width, DIRECTIONS))
    evened = np.sqrt(pooled.reshape(number, len(rows) * len(columns) * DIRECTIONS))
    lengths = np.linalg.norm(evened, axis=1, keepdims=True)
    described: Floats = (LENGTH * evened / np.maximum(lengths, 1e-6)).astype(np.float32)
    return described


def _nearness(size: int) -> Floats:
    """How much each pixel of a side counts for each cell: 1 in its middle, 0 in the middle of the next."""
    middles = (np.arange(size // CELL) + 0.5) * CELL - 0.5
    near: Floats = np.maximum(0, 1 - np.abs(np.arange(size) - middles[:, None]) / CELL).astype(np.float32)
    return near
