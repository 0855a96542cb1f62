"""What chains say to one another is read by its kind, and nothing else is read at all."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.base.codec import Malformed, encode
from tallystick.ledger import state as st
from tallystick.ledger.budgets.costs import Costs
from tallystick.ledger.budgets.curves import ZERO
from tallystick.ledger.chains.messages import ChainMessage, Left, Opening, Outcome, Served
from tests.ledger.drafts import place_of
from tests.ledger.neighbours import NORTH, ended, pair, sent
from tests.ledger.world import CHAIN

SERVED = Served("bob", "member", "active", 4, 1, 0, 0, 3, 2, 2, 300, 700, None, 0, True)
OUTCOME = Outcome(
    "settled", "recorded", "bob", 2, "bob", "", 2, b"m" * 32, "bob", b"h" * 32, 700, ("bob",), 0, True,
    (SERVED,), (Left("bob", "unit-" + "0" * 32, Costs(ZERO, ZERO), 0),),
)  # fmt: skip


def test_an_outcome_is_read_as_it_was_written():
    data = st.MESSAGES.encode(ChainMessage(OUTCOME))
    assert st.MESSAGES.decode(data).content == OUTCOME


def test_what_a_chain_really_says_is_an_opening_one_way_and_an_outcome_the_other():
    found = pair()
    name = sent(found)
    opening = found.main.get(st.MESSAGES, NORTH, name).content
    assert isinstance(opening, Opening) and opening.request.request == name
    assert [place.deposit for place in opening.places] == [0, 0]  # money stays where it is
    assert sorted({member for member, _ in opening.allocations}) == ["ada", "bob"]
    found = pair()
    name = ended(found)
    outcome = found.north.get(st.MESSAGES, CHAIN, name).content
    assert isinstance(outcome, Outcome) and outcome.outcome == "settled"


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "away"},
        {"approving": -1},
        {"model": b"m" * 33},
        {"recorder": "x" * 49},
        {"places": (SERVED,) * 65},
        {"figure": 2**60},
        {"places": (replace(SERVED, gain=-1),)},
        {"places": (replace(SERVED, status="dancing"),)},
        {"places": (replace(SERVED, member="No Name"),)},
    ],
)
def test_what_is_out_of_its_bounds_is_not_read(changes):
    data = st.MESSAGES.encode(ChainMessage(replace(OUTCOME, **changes)))
    with pytest.raises(Malformed):
        st.MESSAGES.decode(data)


def test_a_place_is_no_message():
    with pytest.raises(Malformed):
        st.MESSAGES.decode(b"\x01" + encode([place_of("bob")]))


def test_a_served_place_says_all_that_a_settlement_needs():
    fields = set(Served.__struct_fields__)
    money = {"deposit", "amount", "units", "order", "joined", "commitment"}
    assert fields | money == set(place_of("bob").__struct_fields__) and not fields & money
