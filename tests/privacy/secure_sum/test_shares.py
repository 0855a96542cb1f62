"""Shamir's shares: any threshold of them, nothing below it."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tallystick.privacy.secure_sum.shares import (
    PRIME,
    BadShares,
    combine,
    decode_share,
    encode_share,
    share,
    weights_at_zero,
)


def test_the_modulus_is_prime() -> None:
    """Miller-Rabin with 40 bases; the next prime after 2^256 is at no smaller distance."""

    def probably_prime(n: int) -> bool:
        odd, twos = n - 1, 0
        while odd % 2 == 0:
            odd, twos = odd // 2, twos + 1
        chance = random.Random(7)
        for _ in range(40):
            x = pow(chance.randrange(2, n - 1), odd, n)
            if x not in (1, n - 1) and all((x := x * x % n) != n - 1 for _ in range(twos - 1)):
                return False
        return True

    assert probably_prime(PRIME)
    assert not any(probably_prime(2**256 + distance) for distance in range(1, 297, 2))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 6), st.integers(0, 4), st.randoms())
def test_any_threshold_of_shares_gives_the_secret(
    secret: bytes, threshold: int, more: int, chance: random.Random
) -> None:
    """Whichever members survive."""
    places = chance.sample(range(1, 1000), threshold + more)
    shares = share(secret, threshold, places)
    chosen = chance.sample(places, threshold)

    assert combine(shares, weights_at_zero(chosen)) == secret


def test_every_subset_of_five() -> None:
    """All ten triples of five holders agree; the extreme secrets too."""
    for secret in (bytes(32), b"\xff" * 32):
        shares = share(secret, 3, [1, 2, 3, 4, 5])
        for chosen in itertools.combinations(shares, 3):
            assert combine(shares, weights_at_zero(chosen)) == secret


def test_fewer_shares_do_not_depend_on_the_secret() -> None:
    """A share's digits are uniform whatever was shared, and two shares of three fit any secret."""
    for secret in (bytes(32), b"\xff" * 32):
        digits = [share(secret, 3, [1, 2, 3])[1] * 64 // PRIME for _ in range(6400)]
        assert stats.chisquare(np.bincount(digits, minlength=64)).pvalue > 1e-6
    known = share(bytes(32), 3, [1, 2, 3])
    weights = weights_at_zero([1, 2, 3])
    for other in (b"\x01" * 32, b"\xfe" * 32):
        rest = int.from_bytes(other, "big") - weights[1] * known[1] - weights[2] * known[2]
        third = rest * pow(weights[3], -1, PRIME) % PRIME
        assert combine({1: known[1], 2: known[2], 3: third}, weights) == other


def test_shares_travel_as_33_bytes() -> None:
    """What is not below the prime, or of another length, is no share."""
    for value in (0, 1, 2**256, PRIME - 1):
        assert decode_share(encode_share(value)) == value
    for bad in (PRIME.to_bytes(33, "big"), b"\xff" * 33, bytes(32), bytes(34), b""):
        with pytest.raises(BadShares):
            decode_share(bad)


def test_numbers_that_no_secret_has_are_found() -> None:
    """Between 2^256 and the prime lie 297 numbers that false shares may give."""
    with pytest.raises(BadShares, match="no secret"):
        combine({1: 2**256 + 5}, {1: 1})


def test_impossible_settings_are_refused() -> None:
    """Secrets of 32 bytes, distinct places from 1, a threshold that can be met."""
    for secret, threshold, places in (
        (bytes(31), 1, [1]),
        (bytes(32), 0, [1]),
        (bytes(32), 3, [1, 2]),
        (bytes(32), 2, [1, 1]),
        (bytes(32), 1, [0, 1]),
    ):
        with pytest.raises(ValueError, match=r"secret|threshold"):
            share(secret, threshold, places)
