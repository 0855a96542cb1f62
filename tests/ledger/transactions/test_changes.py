"""What can be put to the vote: every change by its kind, and no number or list beyond its bounds."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from tallystick.base.codec import Decoder, Malformed, Record, encode
from tallystick.ledger.transactions import Propose, changes
from tests.ledger.samples import sample

KINDS = get_args(changes.Change)
decode = Decoder(Propose)


def put(change: Any) -> object:
    """The change as everybody reads it from a proposal's bytes."""
    return decode(encode(Propose(change))).change


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_is_read_as_what_it_is(kind: type[Record]):
    change = sample(kind)
    assert put(change) == change and type(put(change)) is kind
    assert kind.__struct_config__.tag == kind.__name__.lower()


def test_a_kind_that_is_none_is_refused():
    proposed = encode(Propose(changes.Mint("ada", 5)))
    assert decode(proposed).change == changes.Mint("ada", 5)
    with pytest.raises(Malformed):
        decode(proposed.replace(b"mint", b"burn"))


@pytest.mark.parametrize(("change", "least"), [
    (changes.Mint("ada", 1), {"amount": 0}),
    (changes.FillPool(2**53 - 1), {"amount": 2**53}),
    (changes.Upgrade(1, 0), {"version": 0}),
    (changes.Upgrade(1_000, 2**53 - 1), {"version": 1_001}),
    (changes.Upgrade(2, 0), {"height": -1}),
    (changes.SetRoles("ada", ("owner",) * 7), {"roles": ("owner",) * 8}),
    (changes.SetRoles("ada", ()), {"roles": ("king",)}),
    (changes.Suspend("ada"), {"member": "Ada"}),
])  # fmt: skip
def test_what_lies_just_beyond_its_bounds_is_refused(change: Record, least: dict[str, object]):
    assert put(change) == change
    with pytest.raises(Malformed):
        put(msgspec.structs.replace(change, **least))
