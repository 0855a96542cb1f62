"""A value out of range is named as a person knows it, and nothing is signed."""

from __future__ import annotations

import pytest

from tallystick.base.keys import SigningKey
from tallystick.engines.values import UnsoundValue, seal_sound
from tallystick.ledger import transactions as tx

KEY = SigningKey(b"k" * 32)


def envelope(body: object, number: int = 0) -> tx.Envelope:
    return tx.Envelope(tx.FORMAT, "small", "ada", KEY.public, number, 10**12, body)  # type: ignore[arg-type]


def never(_message: bytes) -> bytes:
    raise AssertionError("it must not be signed")


@pytest.mark.parametrize(
    "body, says",
    [
        (tx.Transfer("Bob!", 5), "to 'Bob!' will not do: a name has up to 48"),
        (tx.Transfer("bob", -1), "amount -1 will not do"),
        (tx.RevokeGrant("x"), "grant 'x' will not do: an id looks like"),
        (tx.Report(b"short"), "software 73686f7274 will not do"),
        (tx.Transfer("bob", 10**30), "this will not do"),
        (tx.Propose(tx.SetRoles("bob", ("king",))), "change roles 'king' will not do"),  # type: ignore[arg-type]
    ],
)
def test_the_value_is_named_and_nothing_is_signed(body: object, says: str):
    with pytest.raises(UnsoundValue) as error:
        seal_sound(envelope(body), never)
    assert says in str(error.value)


def test_the_envelopes_own_values_are_judged_too():
    with pytest.raises(UnsoundValue, match="number -1 will not do"):
        seal_sound(envelope(tx.Transfer("bob", 1), number=-1), never)


def test_what_is_sound_is_sealed_as_anybody_would():
    sound = envelope(tx.Transfer("bob", 1))
    assert seal_sound(sound, KEY.sign).data == tx.seal(sound, KEY.sign)
