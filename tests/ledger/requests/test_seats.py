"""Who sits, who waits and who has gone; what they lock comes back, and somebody leads."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import state as st
from tallystick.ledger.notices import MemberLeft
from tallystick.ledger.records import Application, Team
from tallystick.ledger.requests import seats
from tallystick.ledger.transactions import UnitUse
from tests.ledger.drafts import draft_of, place_of, progress_of
from tests.ledger.play import answer, ask, consortium, mutual
from tests.ledger.world import HOUR

NAME = "request-1"
USES = (UnitUse("unit-1", "grant-1"),)


def applied(member: str, order: int = 0, preference: int = 500, ability: int = 500) -> Application:
    return Application(member, order, preference, ability, 10, (), None, False, 50)


def seated(*members: str, leader: str = ""):
    draft = draft_of(consortium())
    draft.put(st.TEAMS, Team(members), NAME)
    draft.put(st.PROGRESS, progress_of(leader=leader or members[0]), NAME)
    for member in members:
        role = "leader" if member == (leader or members[0]) else "member"
        draft.put(st.PLACES, place_of(member, role=role), NAME, member)
    return draft


def test_accounts_are_credited_and_debited_and_never_overdrawn():
    draft = draft_of(consortium(100))
    seats.credit_account(draft, "ada", 5)
    seats.debit_account(draft, "ada", 105)
    assert draft.get(st.ACCOUNTS, "ada").balance == 0
    with pytest.raises(ValueError, match="holds 0, not 1"):
        seats.debit_account(draft, "ada", 1)
    seats.credit_account(draft, "stranger", 3)
    assert draft.get(st.ACCOUNTS, "stranger").balance == 3


def test_an_application_that_ends_gives_back_what_it_locked():
    draft = draft_of(consortium(100))
    draft.put(st.APPLICATIONS, applied("ada"), NAME, "ada")
    seats.give_back(draft, NAME, draft.get(st.APPLICATIONS, NAME, "ada"))
    assert draft.get(st.ACCOUNTS, "ada").balance == 150
    assert draft.find(st.APPLICATIONS, NAME, "ada") is None


@pytest.mark.parametrize(
    "analyst, units, role", [(True, (), "analyst"), (False, USES, "owner"), (False, (), "worker")]
)
def test_the_role_follows_from_what_a_member_brings(analyst, units, role):
    assert seats.role_needed(analyst, units) == role


def test_who_leaves_is_gone_and_keeps_its_place_until_settlement():
    draft = seated("bob", "cleo", "dan")
    seats.depart(draft, NAME, ["cleo"], "left")
    team = draft.get(st.TEAMS, NAME)
    assert (team.active, team.gone) == (("bob", "dan"), ("cleo",))
    assert draft.get(st.PLACES, NAME, "cleo").status == "left"
    assert draft.get(st.PROGRESS, NAME).leader == "bob" and draft.notices == [
        MemberLeft(NAME, "cleo", "left")
    ]


def test_the_next_in_the_order_leads_after_the_leader():
    draft = seated("bob", "cleo", "dan")
    seats.depart(draft, NAME, ["bob", "cleo"], "evicted")
    assert draft.get(st.PROGRESS, NAME).leader == "dan"
    assert draft.get(st.PLACES, NAME, "dan").role == "leader"
    seats.depart(draft, NAME, ["dan"], "left")
    assert draft.get(st.PROGRESS, NAME).leader == ""


def test_nobody_leaving_changes_nothing():
    draft = seated("bob", "cleo")
    pending = dict(draft.pending)
    seats.depart(draft, NAME, [], "left")
    assert draft.pending == pending


def test_applicants_are_ordered_by_value_by_answer_or_as_listed():
    world = consortium()
    request = world.get(st.REQUESTS, ask(world, mutual()))
    waiting = [
        applied("bob", 2, ability=900), applied("cleo", 0, preference=900, ability=800), applied("dan", 1)
    ]  # fmt: skip

    def ordered(order: str, listed: tuple[str, ...] = ()) -> list[str]:
        form = replace(request.rules.forming, order=order)
        asked = replace(request, rules=replace(request.rules, forming=form))
        return [application.member for application in seats.in_order(asked, waiting, listed)]

    assert ordered("value") == ["cleo", "bob", "dan"]
    assert ordered("answer") == ["cleo", "dan", "bob"]
    assert ordered("listed", ("dan", "zoe", "bob")) == ["dan", "bob"]


def test_equals_do_not_fall_in_the_order_in_which_they_stand():
    world = consortium()
    names = ("bob", "cleo", "dan", "eve", "fay")
    orders = set()
    for _ in range(4):
        request = world.get(st.REQUESTS, ask(world, mutual(), reward=10))
        orders.add(tuple(a.member for a in seats.in_order(request, [applied(n) for n in names], ())))
    assert len(orders) > 1


def test_a_value_is_half_will_and_half_ability():
    assert seats.applicant_value(applied("bob", preference=1_000, ability=1)) == 500


def test_the_bench_fills_the_team_up_again_and_serves_the_rounds_that_are_left():
    world = consortium()
    name = ask(world, mutual(2, 3, bench=2))
    for member in ("bob", "cleo", "dan", "eve"):
        answer(world, name, member)
    world.wait(HOUR)
    draft, request = draft_of(world), world.get(st.REQUESTS, name)
    first = draft.get(st.TEAMS, name)
    assert len(first.active) == len(first.bench) == 2
    seats.refill(draft, request, 1)
    assert draft.get(st.TEAMS, name) == first  # the team has its size
    seats.depart(draft, name, [first.active[0]], "evicted")
    seats.refill(draft, request, 3)
    assert draft.get(st.TEAMS, name).bench == first.bench  # no round is left to serve
    seats.refill(draft, request, 1)
    team = draft.get(st.TEAMS, name)
    assert team.active == (first.active[1], first.bench[0]) and team.bench == first.bench[1:]
    assert draft.get(st.PLACES, name, first.bench[0]).joined == 2


def test_who_lost_its_role_is_released_and_the_lead_passes_to_one_who_stays():
    world = consortium()
    name = ask(world, mutual(3, 2))
    for member in ("bob", "cleo", "dan"):
        answer(world, name, member)
    world.wait(HOUR)
    draft, request = draft_of(world), world.get(st.REQUESTS, name)
    leader = draft.get(st.PROGRESS, name).leader
    for member in (leader, "cleo"):
        draft.change(st.MEMBERS, member, roles=("auditor",))
    gone = seats.release_unentitled(draft, request, draft.get(st.TEAMS, name).active, 0)
    assert sorted(gone) == sorted({leader, "cleo"})
    stayed = draft.get(st.TEAMS, name).active
    assert draft.get(st.PROGRESS, name).leader == stayed[0]
    assert all(draft.get(st.PLACES, name, member).status == "released" for member in gone)
    assert all(draft.get(st.PLACES, name, member).missed == 0 for member in gone)
