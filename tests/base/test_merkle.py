"""Merkle trees: the standard's recursive definition is the specification, ours must answer alike."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import merkle


def defined(leaves):
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined(leaves[:split]) + defined(leaves[split:])).digest()


def defined_path(leaves, index):
    """RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*defined_path(leaves[:split], index), defined(leaves[split:])]
    return [*defined_path(leaves[split:], index - split), defined(leaves[:split])]


def named(count):
    return [b"leaf %d" % number for number in range(count)]


@pytest.mark.parametrize("count", [*range(40), 127, 128, 129])
def test_root_and_paths_are_the_standard_s(count):
    leaves = named(count)

    assert merkle.root(leaves) == defined(leaves)
    assert merkle.root(iter(leaves)) == defined(leaves)
    for index in range(count):
        path = merkle.prove(leaves, index)

        assert path == defined_path(leaves, index)
        assert merkle.holds(defined(leaves), leaves[index], index, count, path)


def test_known_roots():
    assert merkle.EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root([]) == merkle.EMPTY
    assert merkle.root([b""]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@given(st.lists(st.binary(max_size=5), max_size=33), st.data())
def test_changing_the_leaves_changes_the_root(leaves, data):
    other = data.draw(st.lists(st.binary(max_size=5), max_size=33))

    assert (merkle.root(leaves) == merkle.root(other)) == (leaves == other)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_a_proof_shows_one_leaf_in_one_place(count):
    leaves = named(count)
    root = merkle.root(leaves)
    for index in range(count):
        path = merkle.prove(leaves, index)
        for other in range(count):
            if other != index:
                assert not merkle.holds(root, leaves[other], index, count, path)
                assert not merkle.holds(root, leaves[index], other, count, path)
        for place in (-1, count, count + 7):
            assert not merkle.holds(root, leaves[index], place, count, path)


def test_every_flipped_byte_is_refused():
    leaves = named(11)
    root, leaf, path = merkle.root(leaves), leaves[6], merkle.prove(leaves, 6)
    for number, digest in enumerate(path):
        for at in range(32):
            bad = bytearray(digest)
            bad[at] ^= 1
            assert not merkle.holds(root, leaf, 6, 11, [*path[:number], bytes(bad), *path[number + 1 :]])
    for at in range(32):
        assert not merkle.holds(root[:at] + bytes([root[at] ^ 128]) + root[at + 1 :], leaf, 6, 11, path)
    assert not merkle.holds(root, leaf + b"\x00", 6, 11, path)


def test_a_path_of_another_length_is_refused():
    leaves = named(6)
    root, path = merkle.root(leaves), merkle.prove(leaves, 2)
    for bad in (path[:-1], [*path, bytes(32)], [], [path[0] + path[1], *path[2:]], [b"", *path]):
        assert not merkle.holds(root, leaves[2], 2, 6, bad)
    assert not merkle.holds(merkle.EMPTY, b"", 0, 0, [])


def test_a_node_cannot_pass_for_a_leaf():
    leaves = named(4)
    left = merkle.leaf_hash(leaves[0]) + merkle.leaf_hash(leaves[1])
    beside = merkle.prove(leaves, 0)[1:]

    assert not merkle.holds(merkle.root(leaves), left, 0, 2, beside)
    assert not merkle.holds(merkle.root(leaves), b"\x01" + left, 0, 2, beside)


@pytest.mark.parametrize("index", [-1, 3, 10**9])
def test_a_leaf_that_is_not_there_has_no_proof(index):
    with pytest.raises(IndexError, match=f"no leaf {index} among 3"):
        merkle.prove(named(3), index)
