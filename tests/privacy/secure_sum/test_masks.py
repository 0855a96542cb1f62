"""Masks: both ends find the same one, they cancel, and their bytes are fixed for all versions."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from tallystick.privacy.secure_sum.masks import (
    BadKey,
    add_mask,
    agree,
    is_usable,
    private_key,
    public_key,
    stretch,
)

ONE, TWO = bytes(range(32)), bytes(range(100, 132))
CONTEXT = b"c" * 32


@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@pytest.mark.parametrize("length", [1, 7, 8192, 16384, 40_001])
def test_what_is_added_can_be_taken_away(dtype: type, length: int) -> None:
    """Also where words wrap."""
    words = np.arange(length, dtype=dtype) - dtype(3)
    before = words.copy()
    add_mask(words, ONE, 1)
    assert not np.array_equal(words, before)
    add_mask(words, ONE, -1)

    assert np.array_equal(words, before)


def test_both_ends_agree_and_purposes_differ() -> None:
    """The key depends on purpose, round and seats."""
    here = agree(private_key(ONE), public_key(TWO), "pair mask", CONTEXT, 3, 5)

    assert here == agree(private_key(TWO), public_key(ONE), "pair mask", CONTEXT, 3, 5)
    others = {
        agree(private_key(ONE), public_key(TWO), purpose, context, first, second)
        for purpose, context, first, second in [
            ("shares", CONTEXT, 3, 5),
            ("pair mask", b"d" * 32, 3, 5),
            ("pair mask", CONTEXT, 5, 3),
            ("pair mask", CONTEXT, 3, 6),
        ]
    }
    assert len(others | {here}) == 5


def test_streams_are_the_same_in_every_version() -> None:
    """Golden: a member that runs another version must find the same mask."""
    words = np.zeros(20_000, np.uint32)
    add_mask(words, stretch(ONE, "own mask", CONTEXT, 1, 1), 1)

    assert hashlib.sha256(words.astype("<u4").tobytes()).hexdigest() == (
        "e41db65b0208e265671704619a9fc550c499dfb38251a262f7f7d77fbdd916b3"
    )


def test_masks_look_uniform() -> None:
    """Every byte value as often as any other."""
    words = np.zeros(100_000, np.uint64)
    add_mask(words, TWO, 1)

    assert stats.chisquare(np.bincount(words.view(np.uint8), minlength=256)).pvalue > 1e-4


def test_keys_of_low_order_are_refused() -> None:
    """With them the secret would be zero for everybody."""
    low_order = [
        bytes(32),
        (1).to_bytes(32, "little"),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        (2**255 - 20).to_bytes(32, "little"),
    ]
    for point in low_order:
        assert not is_usable(point)
        with pytest.raises(BadKey, match="not usable"):
            agree(private_key(ONE), point, "shares", CONTEXT, 0, 1)
    assert is_usable(public_key(ONE))
