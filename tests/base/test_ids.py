"""Names, digests and ids: what may be called so, and that no two things are called alike."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import ids
from tallystick.base.ids import derived_id, digest, rank


def fits(type_: object, value: object) -> bool:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize("name", ["a", "0", "ada", "ada-2.b_c", "a" * 48])
def test_names_that_may_be(name):
    assert fits(ids.Name, name)


@pytest.mark.parametrize(
    "name", ["", "Ada", "-a", ".a", "_a", "a b", "a/b", "a\n", "\na", "ä", "a" * 49, "*", "a\x00", "٣"]
)
def test_names_that_may_not_be(name):
    assert not fits(ids.Name, name)


@pytest.mark.parametrize("value", ["unit-" + "0" * 32, "request-" + "0123456789abcdef" * 2])
def test_ids_that_may_be(value):
    assert fits(ids.Id, value)


@pytest.mark.parametrize("kind", ["unit-", "-", "", "Unit-", "unit", "unit/"])
@pytest.mark.parametrize("tail", ["0" * 31, "0" * 33, "G" * 32, "0" * 32 + "\n", ""])
def test_ids_that_may_not_be(kind, tail):
    assert not fits(ids.Id, kind + tail)


@pytest.mark.parametrize(
    "kind, low, high",
    [
        (ids.Tokens, 0, 2**53 - 1),
        (ids.Count, 0, 10**9),
        (ids.Time, 0, 2**53 - 1),
        (ids.Millis, 0, 10**12),
        (ids.Ppm, 0, 10**6),
        (ids.Figure, -(10**12), 10**12),
    ],
)
def test_numbers_have_bounds(kind, low, high):
    assert fits(kind, low) and fits(kind, high)
    assert not fits(kind, low - 1) and not fits(kind, high + 1)
    assert not fits(kind, 1.0) and not fits(kind, "1") and not fits(kind, True)


@pytest.mark.parametrize("kind, size", [(ids.Digest, 32), (ids.PublicKey, 32), (ids.Signature, 64)])
def test_bytes_have_one_length(kind, size):
    assert fits(kind, b"\x00" * size)
    assert not fits(kind, b"\x00" * (size - 1)) and not fits(kind, b"\x00" * (size + 1))


def test_roles_are_in_order():
    assert tuple(sorted(ids.ROLES)) == ids.ROLES
    assert all(fits(ids.Role, role) for role in ids.ROLES) and not fits(ids.Role, "boss")


def test_a_digest_is_sha256_over_parts_with_their_lengths():
    expected = hashlib.sha256(b"\0" * 7 + b"\3abc" + b"\0" * 8 + b"\0" * 7 + b"\1d").digest()
    assert digest(b"abc", b"", b"d") == expected


@given(st.lists(st.binary(max_size=6), max_size=4), st.lists(st.binary(max_size=6), max_size=4))
def test_no_two_lists_of_parts_have_one_digest(one, other):
    assert (digest(*one) == digest(*other)) == (one == other)


def test_ids_derive_from_kind_member_and_number_alone():
    made = {
        derived_id(kind, member, number)
        for kind in ("unit", "grant")
        for member in ("ada", "bob")
        for number in (0, 1, 255, 256, 2**53 - 1)
    }
    assert len(made) == 20
    assert all(fits(ids.Id, one) for one in made)
    assert derived_id("unit", "ada", 7) == derived_id("unit", "ada", 7)


def test_an_id_stays_what_it_was():
    assert derived_id("unit", "ada", 0) == "unit-e13c4ca63050d72a9b3d4610b53b7f78"


def test_a_rank_depends_on_seed_and_member():
    order = [sorted("abcdefgh", key=lambda member: rank(seed, member)) for seed in (b"1", b"2", b"3")]
    assert len({tuple(row) for row in order}) == 3
