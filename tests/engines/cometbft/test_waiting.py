"""What may wait of one member, and good signatures that are remembered."""

from __future__ import annotations

from tallystick.base.keys import SigningKey
from tallystick.engines.cometbft.waiting import BYTES, TRANSACTIONS, VerifiedSignatures, WaitingShares


def test_a_flood_of_one_leaves_the_others_their_room():
    waiting = WaitingShares()
    taken = [waiting.admit("ann", 10, 1, 10**6) for _ in range(TRANSACTIONS + 3)]
    assert taken == [True] * TRANSACTIONS + [False] * 3
    assert waiting.admit("bea", 10, 1, 10**6) and len(waiting) == TRANSACTIONS + 1
    waiting.clear()
    assert len(waiting) == 0 and waiting.admit("ann", 10, 1, 10**6)


def test_bytes_and_weight_are_limited_as_well():
    waiting = WaitingShares()
    assert waiting.admit("ann", BYTES, 1, 10) and not waiting.admit("ann", 1, 1, 10)
    assert waiting.admit("bea", 1, 20, 10) and not waiting.admit("bea", 1, 1, 10)
    assert len(waiting) == 2, "what was not admitted does not count"


def test_what_was_admitted_before_counts_again_after_a_block():
    waiting = WaitingShares()
    for _ in range(TRANSACTIONS):
        waiting.count("ann", 1, 1)
    assert not waiting.admit("ann", 1, 1, 10**6)


def test_a_good_signature_is_remembered_for_its_own_message_only():
    key, verified = SigningKey(b"k" * 32), VerifiedSignatures(limit=2)
    signatures = {message: key.sign(message) for message in (b"a", b"b", b"c")}
    for message, signature in signatures.items():
        assert verified(key.public, message, signature) and verified(key.public, message, signature)
        assert not verified(key.public, message + b"!", signature)
    assert len(verified._good) == 2, "the oldest gave way"
    assert verified(key.public, b"a", signatures[b"a"])
