"""Pictures by their edges: directions, colours, and that each is described by itself."""

import numpy as np
import pytest

from tallystick.data.pictures import CELL, DIRECTIONS, LENGTH, oriented
from tallystick.data.refusals import DataError

SIDE = 8
HALVES = np.repeat([0, 200], SIDE // 2)
UPRIGHT, LEVEL = np.tile(HALVES, (SIDE, 1)), np.tile(HALVES[:, None], (1, SIDE))


def directions(picture: np.ndarray) -> np.ndarray:
    """How much of each direction a picture has, over all its cells."""
    return oriented(picture[None].astype(np.uint8)).reshape(-1, DIRECTIONS).sum(axis=0)


@pytest.mark.parametrize("picture, direction", [(UPRIGHT, 0), (LEVEL, DIRECTIONS // 2)])
def test_an_edge_counts_for_its_direction_alone(picture: np.ndarray, direction: int) -> None:
    for shown in (picture, 200 - picture):  # light on either side
        found = directions(shown)
        assert found[direction] > 1
        np.testing.assert_allclose(np.delete(found, direction), 0, atol=1e-3)


def test_between_two_directions_an_edge_counts_for_both() -> None:
    row, column = np.mgrid[:16, :16]
    slanted = (10 * column + 4 * row).astype(np.uint8)  # arctan(4/10): 0.97 of the way to the next direction
    inside = oriented(slanted[None]).reshape(4, 4, DIRECTIONS)[1:3, 1:3].sum(axis=(0, 1))
    assert inside[1] / inside[0] == pytest.approx((0.969 / 0.031) ** 0.5, rel=0.02)
    np.testing.assert_allclose(inside[2:], 0, atol=1e-3)


def test_each_picture_is_described_by_itself_and_as_long_as_all() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (130, 28, 28), np.uint8)
    found = oriented(pictures)
    assert found.shape == (130, (28 // CELL) ** 2 * DIRECTIONS) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), LENGTH, rtol=1e-5)
    np.testing.assert_array_equal(found[77], oriented(pictures[77:78])[0])
    assert oriented(pictures[:0]).shape == (0, found.shape[1])
    assert not oriented(np.full((1, 8, 8), 9, np.uint8)).any()  # no edge, nothing to describe


def test_of_colours_the_strongest_edge_counts() -> None:
    grey = np.random.default_rng(2).integers(0, 256, (3, 12, 12), np.uint8)
    coloured = np.stack([np.zeros_like(grey), grey, np.zeros_like(grey)], axis=3)
    np.testing.assert_array_equal(oriented(coloured), oriented(grey))


def test_what_is_no_picture_is_refused() -> None:
    for shape in ((4, 784), (4, 6, 28)):
        with pytest.raises(DataError, match="pictures are"):
            oriented(np.zeros(shape, np.uint8))
