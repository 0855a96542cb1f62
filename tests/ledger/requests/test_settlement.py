"""Shares, rewards and fines by the rules that a request names; whatever is divided adds up again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger.records import Request
from tallystick.ledger.requests import settlement
from tallystick.ledger.requests.settlement import Purse
from tests.ledger.drafts import draft_of, place_of, progress_of
from tests.ledger.play import ask, consortium, mutual
from tests.ledger.story import posted, settled
from tests.ledger.world import World, hashed

TEAM = (
    place_of("bob", present=2, gain=300, amount=10),
    place_of("cleo", present=1, gain=100, amount=30),
    place_of("dan", present=0, gain=900, amount=10),
    place_of("eve", present=2, gain=900, amount=10, role="analyst"),
    place_of("fay", present=2, gain=900, amount=10, status="expelled"),
)


def request_by(reward: int = 1_000, rules: ru.Rules | None = None, **paying) -> Request:
    agreed = replace(rules or mutual(3, 4), paying=ru.Paying(**paying))
    return Request(
        "request-1", "ada", "pumps", "maintenance", hashed("plan"), reward, agreed, hashed("reuse"),
        b"", "", b"", 0,
    )  # fmt: skip


# --- weights ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weight, shares",
    [
        ("equal", {"bob": 2, "cleo": 1}),
        ("amount", {"bob": 20, "cleo": 30}),
        ("gain", {"bob": 300, "cleo": 100}),
    ],
)
def test_only_who_was_there_has_a_weight_and_no_analyst_nor_who_was_expelled(weight, shares):
    found = settlement.weights(request_by(weight=weight), list(TEAM))
    assert set(found) == set(shares)
    if weight != "gain":
        assert found == shares
    assert (found["bob"] > found["cleo"]) == (shares["bob"] > shares["cleo"])


@pytest.mark.parametrize("weight, best", [("angle", "bob"), ("angle_as_printed", "cleo")])
def test_an_angle_weighs_by_what_the_others_measured(weight, best):
    team = [replace(TEAM[0], measured=100_000), replace(TEAM[1], measured=900_000)]
    found = settlement.weights(request_by(weight=weight), team)
    assert max(found, key=lambda member: found[member]) == best
    unmeasured = settlement.weights(request_by(weight=weight), [team[0], replace(team[1], measured=None)])
    assert unmeasured["cleo"] == 0 < unmeasured["bob"]


# --- rounds -------------------------------------------------------------------------------------------


def test_a_round_is_worth_what_is_scheduled_else_an_even_part_without_the_fees():
    assert settlement.round_reward(request_by(schedule=(5, 6, 7, 8)), 3) == 7
    assert settlement.round_reward(request_by(recorder_fee=100, analyst_fee=99), 1) == (1_000 - 199) // 4


@pytest.mark.parametrize("weight", ["equal", "amount", "gain"])
def test_a_rounds_reward_is_divided_to_the_last_token(weight):
    paid = [TEAM[0], TEAM[1], TEAM[2]]
    shares = settlement.round_shares(request_by(weight=weight), paid, {"bob": 7, "cleo": 3}, 101)
    assert sum(shares.values()) == 101 and set(shares) == {"bob", "cleo", "dan"}
    assert settlement.round_shares(request_by(weight=weight), [], {}, 101) == {}


# --- the end ------------------------------------------------------------------------------------------


def rewards(request: Request, payable: int, **progress) -> dict[str, int]:
    places = list(TEAM[:2])
    shares = {"bob": 3, "cleo": 1}
    now = progress_of(completed=2, **progress)
    return dict(settlement._rewards(request, now, places, shares, payable))


def test_a_lump_goes_by_weight_and_a_leaders_share_comes_first():
    assert rewards(request_by(), 1_000) == {"bob": 750, "cleo": 250}
    assert rewards(request_by(leader_share=True), 1_000, leader="cleo") == {"bob": 375, "cleo": 625}
    assert rewards(request_by(leader_share=True), 1_001, leader="gone") == {"bob": 751, "cleo": 250}


def test_data_is_paid_by_amount_and_presence_and_shortened_alike_where_too_little_is_left():
    priced = request_by(kind="per_amount", price=10)
    assert rewards(priced, 10_000) == {"bob": 100, "cleo": 150}
    assert rewards(priced, 125) == {"bob": 50, "cleo": 75}


def test_rounds_are_paid_as_earned_and_shortened_where_the_escrow_has_less():
    each = request_by(kind="per_round")
    places = [replace(TEAM[0], earned=600), replace(TEAM[1], earned=0)]
    now = progress_of(completed=2)
    assert settlement._rewards(each, now, places, {"bob": 1, "cleo": 1}, 1_000) == [("bob", 600)]
    assert settlement._rewards(each, now, places, {"bob": 1, "cleo": 1}, 500) == [("bob", 300)]
    assert settlement._rewards(each, now, places, {}, 500) == []


@pytest.mark.parametrize(
    "place, printed, fine",
    [
        ({"turns": 10}, False, (0, 0)),
        ({"turns": 10, "missed": 3}, False, (30, 0)),
        ({"turns": 10, "idle": 3}, False, (0, 30)),
        ({"turns": 10, "missed": 12}, False, (100, 0)),
        ({"turns": 10, "missed": 8, "idle": 8}, False, (80, 20)),  # never more than the deposit
        ({"turns": 10, "missed": 3, "idle": 2}, True, (12, 0)),  # of all turns, idling among them
        ({"turns": 0, "missed": 3}, False, (0, 0)),
        ({"turns": 10, "forfeits": 1}, False, (0, 84)),  # a round's part of the reward, rounded up
    ],
)
def test_a_deposit_loses_for_missed_turns_idling_and_hidden_scores(place, printed, fine):
    request = request_by(penalties="as_printed" if printed else "sound")
    assert settlement.fines(request, place_of("bob", **place), 40) == fine


def test_a_purse_gives_no_more_than_is_left():
    purse = Purse(10)
    assert (purse.take(7), purse.take(7), purse.take(1), purse.left) == (7, 3, 0, 0)


@pytest.mark.parametrize(
    "fined, gained",
    [
        ({"bob": 100}, (0, 50, 50)),
        ({"bob": 101}, (0, 51, 50)),  # the leader, cleo, takes the remainder
        ({"cleo": 101}, (51, 0, 50)),  # of the leader's own, the first of the others
        ({"gone": 100}, (33, 34, 33)),
        ({"bob": 100, "cleo": 100, "dan": 100}, (100, 100, 100)),
    ],
)
def test_a_penalty_is_shared_among_the_others_who_stayed(fined, gained):
    draft, team = draft_of(consortium()), ("bob", "cleo", "dan")
    places = [*map(place_of, team), place_of("gone", status="left")]
    assert settlement._compensate(draft, "request-1", places, fined, "cleo") == 0
    assert tuple(draft.get(st.ACCOUNTS, member).balance - 10_000 for member in team) == gained


def test_a_penalty_that_nobody_can_take_returns_to_the_escrow():
    draft = draft_of(consortium())
    places = [place_of("bob", status="left"), place_of("cleo", status="evicted")]
    assert settlement._compensate(draft, "request-1", places, {"bob": 7, "cleo": 5}, "") == 12
    assert settlement._compensate(draft, "request-1", [place_of("bob")], {"bob": 7}, "bob") == 7


def test_a_rest_returns_to_the_parent_while_it_lives_else_to_the_requester():
    world = consortium()
    parent = ask(world, mutual())
    request = replace(world.get(st.REQUESTS, parent), request="request-child", member="bob", parent=parent)
    draft = draft_of(world)
    draft.change(st.PROGRESS, parent, purchased=30)
    settlement._return_rest(draft, request, 40)
    assert (draft.get(st.PROGRESS, parent).escrow, draft.get(st.PROGRESS, parent).purchased) == (1_040, 0)
    draft.change(st.PROGRESS, parent, stage="refunded")
    settlement._return_rest(draft, request, 5)
    assert draft.get(st.ACCOUNTS, "ada").balance == 10_000 - 1_000 + 5


def test_the_end_leaves_a_record_and_nothing_of_what_only_a_live_request_needs():
    world = World()
    name = settled(world)
    assert world.get(st.RECORDS, name).stands
    tables: list[st.StateTable[Any]] = [st.TEAMS, st.PLACES, st.PHASES, st.POSTS, st.ROUNDS, st.RESERVATIONS]
    assert [table.name for table in (*tables, st.LIVE_REQUESTS, st.DUE) if world.scan(table)] == []


def test_a_refund_gives_everything_back_and_says_why():
    world = World()
    name = posted(world)
    draft = draft_of(world)
    settlement.refund(draft, name, "a reason")
    progress = draft.get(st.PROGRESS, name)
    assert (progress.stage, progress.outcome, progress.escrow) == ("refunded", "a reason", 0)
    assert draft.get(st.ACCOUNTS, "dan").balance == 1_000
    assert draft.find(st.LIVE_REQUESTS, name) is None and draft.scan(st.DUE) == []
