"""The state tree: a plain definition is the specification; history must not show in the root."""

import random
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tallystick.base import light
from tallystick.engines.storage.tree import BUCKETS, StateTree


def defined(state):
    """The root as the module says it, computed over all 65,536 buckets without any cleverness."""
    buckets = [[] for _ in range(BUCKETS)]
    for key, value in state.items():
        name = sha256(key).digest()
        buckets[int.from_bytes(name[:2], "big")].append(name + sha256(value).digest())
    level = [sha256(b"\x00" + b"".join(sorted(bucket))).digest() for bucket in buckets]
    while len(level) > 1:
        level = [sha256(b"\x01" + b"".join(level[at : at + 16])).digest() for at in range(0, len(level), 16)]
    return level[0]


def header(root):
    """A header of the block after the one whose state has this root."""
    nothing = light.BlockId()
    return light.Header((11, 1), "c", 8, 0, nothing, *(b"",) * 5, root, b"", b"", bytes(20))


def shows(root, key, value, proof):
    try:
        light.verify_state_proof(header(root), key, value, proof)
    except light.NotProven:
        return False
    return True


def filled(count, seed=1):
    chance = random.Random(seed)
    return {b"account/%d" % number: chance.randbytes(chance.randrange(60)) for number in range(count)}


def crowded():
    """Keys that fall into one bucket, found by trying."""
    keys, number = [], 0
    wanted = sha256(b"first").digest()[:2]
    while len(keys) < 3:
        key = b"%d" % number
        number += 1
        if sha256(key).digest()[:2] == wanted:
            keys.append(key)
    return [b"first", *keys]


CROWDED = crowded()


@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_the_root_is_the_defined_one(count):
    state = filled(count)
    tree = StateTree.build(state.items())

    assert tree.root == defined(state)
    assert len(tree) == count


def test_a_crowded_bucket_is_sorted():
    state = {key: b"value of " + key for key in CROWDED}
    tree = StateTree.build(reversed(state.items()))

    assert tree.root == defined(state)
    for order in (CROWDED, CROWDED[::-1]):
        grown = StateTree()
        for key in order:
            grown.update({key: state[key]})
        assert grown.root == tree.root


def test_an_empty_value_is_not_nothing():
    tree = StateTree()
    empty = tree.root
    tree.update({b"k": b""})

    assert tree.root != empty and len(tree) == 1
    assert shows(tree.root, b"k", b"", tree.prove(b"k"))
    assert not shows(tree.root, b"k", None, tree.prove(b"k"))


@pytest.mark.parametrize("values", [CROWDED, CROWDED[1:] + CROWDED[:1], CROWDED[::-1]])
def test_a_value_that_equals_another_key_is_not_taken_for_it(values):
    """Then the key's hash stands in its bucket twice: once as a name, once as the hash of a value."""
    state = dict(zip(CROWDED, values, strict=True))
    for absent in CROWDED:
        held = {key: value for key, value in state.items() if key != absent}
        tree = StateTree.build(held.items())

        assert shows(tree.root, absent, None, tree.prove(absent))
        assert tree.update({absent: None}) == StateTree.build(held.items()).root
        assert tree.update({absent: b"new"}) == StateTree.build((held | {absent: b"new"}).items()).root
        assert tree.update({absent: None}) == StateTree.build(held.items()).root


class Histories(RuleBasedStateMachine):
    """Whatever was written and deleted in whatever blocks, the tree is that of the contents."""

    keys = st.sampled_from([*CROWDED, *(b"k%d" % number for number in range(12))])

    @initialize(state=st.dictionaries(keys, st.binary(max_size=3)))
    def begin(self, state):
        self.state = dict(state)
        self.tree = StateTree.build(state.items())

    @rule(writes=st.dictionaries(keys, st.none() | st.binary(max_size=3)))
    def block(self, writes):
        returned = self.tree.update(writes)
        for key, value in writes.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        fresh = StateTree.build(self.state.items())
        assert returned == self.tree.root == fresh.root
        assert len(self.tree) == len(fresh) == len(self.state)

    @rule(key=keys)
    def proven(self, key):
        value = self.state.get(key)
        proof = self.tree.prove(key)
        assert shows(self.tree.root, key, value, proof)
        assert not shows(self.tree.root, key, b"another", proof)
        assert value is None or not shows(self.tree.root, key, None, proof)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)


def test_replay_and_a_copied_state_agree_over_a_long_history():
    chance = random.Random(3)
    state, tree = filled(500), StateTree.build(filled(500).items())
    for _ in range(40):
        writes = {
            b"account/%d" % chance.randrange(700): chance.choice([None, chance.randbytes(9)])
            for _ in range(60)
        }
        tree.update(writes)
        state = {key: value for key, value in (state | writes).items() if value is not None}

    assert tree.root == StateTree.build(state.items()).root == defined(state)


def test_an_update_is_undone_by_its_inverse():
    """An engine that could not store a block goes back this way."""
    state = filled(200)
    tree = StateTree.build(state.items())
    before = tree.root
    writes = {b"account/7": b"new", b"account/8": None, b"fresh": b"1"}
    tree.update(writes)
    tree.update({key: state.get(key) for key in writes})

    assert tree.root == before and len(tree) == 200


@given(st.dictionaries(st.binary(max_size=4), st.binary(max_size=4), max_size=6), st.data())
@settings(max_examples=40, deadline=None)
def test_other_contents_have_another_root(state, data):
    other = data.draw(st.dictionaries(st.binary(max_size=4), st.binary(max_size=4), max_size=6))

    assert (StateTree.build(state.items()).root == StateTree.build(other.items()).root) == (state == other)


STATE = filled(300) | dict.fromkeys(CROWDED, b"crowded")
TREE = StateTree.build(STATE.items())


@pytest.mark.parametrize("key", [b"account/5", b"account/299", *CROWDED])
def test_a_proof_of_presence_shows_this_value_only(key):
    proof = TREE.prove(key)

    assert shows(TREE.root, key, STATE[key], proof)
    assert not shows(TREE.root, key, None, proof)
    assert not shows(TREE.root, key, STATE[key] + b"\x00", proof)
    assert not shows(TREE.root, key + b"x", STATE[key], proof)


def test_a_proof_of_absence_shows_absence_only():
    proof = TREE.prove(b"nobody")

    assert shows(TREE.root, b"nobody", None, proof)
    assert not shows(TREE.root, b"nobody", b"", proof)
    assert not shows(TREE.root, b"account/5", None, proof)


def test_absence_from_a_crowded_bucket():
    missing, *there = CROWDED
    tree = StateTree.build((key, b"v") for key in there)

    assert shows(tree.root, missing, None, tree.prove(missing))
    assert tree.prove(missing) == tree.prove(there[0])


@pytest.mark.parametrize("key", [CROWDED[2], b"nobody"])
def test_every_flipped_byte_of_a_proof_is_refused(key):
    """No byte of it may be free, or a presence could be turned into an absence there."""
    proof = TREE.prove(key)
    for at in range(len(proof)):
        bad = proof[:at] + bytes([proof[at] ^ 1 << at % 8]) + proof[at + 1 :]
        for value in (STATE.get(key), None, b"other"):
            assert not shows(TREE.root, key, value, bad)


def test_every_flipped_byte_of_key_value_and_root_is_refused():
    key, value, proof = b"account/5", STATE[b"account/5"], TREE.prove(b"account/5")
    assert value
    for at in range(len(key)):
        bad = key[:at] + bytes([key[at] ^ 4]) + key[at + 1 :]
        assert not shows(TREE.root, bad, value, proof)
    for at in range(len(value)):
        assert not shows(TREE.root, key, value[:at] + bytes([value[at] ^ 4]) + value[at + 1 :], proof)
    for at in range(32):
        root = TREE.root[:at] + bytes([TREE.root[at] ^ 4]) + TREE.root[at + 1 :]
        assert not shows(root, key, value, proof)


def test_leaving_an_entry_out_does_not_make_an_absence():
    key = CROWDED[1]
    proof = TREE.prove(key)
    for cut in range(len(proof) - 1920 + 1):
        assert not shows(TREE.root, key, None, proof[: len(proof) - cut] if cut else proof)
    entry = sha256(key).digest() + sha256(STATE[key]).digest()

    assert entry in proof
    assert not shows(TREE.root, key, None, proof.replace(entry, b""))
    assert not shows(TREE.root, key, None, proof + entry)


def test_proofs_of_a_small_and_a_large_state_have_one_shape():
    assert len(StateTree().prove(b"any")) == 1920
    assert len(TREE.prove(CROWDED[0])) == 1920 + 64 * len(CROWDED)
