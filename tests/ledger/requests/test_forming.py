"""When applications close a team forms of who is allowed and pays, or everything goes back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.notices import TeamFormed
from tallystick.ledger.requests import forming
from tests.ledger.drafts import draft_of
from tests.ledger.play import COMBINE, MEMBERS, answer, ask, consortium, mutual, train
from tests.ledger.world import HOUR, World

APPLICANTS = MEMBERS[1:]


def formed(rules: ru.Rules, applicants=APPLICANTS, world: World | None = None, **more) -> tuple[World, str]:
    """A world in which these have applied and the time to apply is over."""
    world = world or consortium()
    name = ask(world, rules, **more)
    for member in applicants:
        answer(world, name, member)
    world.wait(HOUR)
    return world, name


def outcome(world: World, name: str) -> str:
    return world.get(st.PROGRESS, name).outcome


def test_the_team_has_its_size_and_the_others_get_their_stake_back():
    world, name = formed(mutual(3))
    team = world.get(st.TEAMS, name)
    assert len(team.active) == 3 and team.bench == ()
    assert world.scan(st.APPLICATIONS, name) == []
    outside = set(APPLICANTS) - set(team.active)
    assert {world.balance(member) for member in outside} == {10_000}


def test_the_bench_takes_who_was_not_chosen_as_far_as_it_goes():
    world, name = formed(mutual(2, bench=2))
    team = world.get(st.TEAMS, name)
    assert len(team.bench) == 2 and not set(team.bench) & set(team.active)
    assert sorted(one.member for one in world.scan(st.APPLICATIONS, name)) == sorted(team.bench)


def test_the_first_leads_and_stakes_the_leaders_deposit():
    world, name = formed(mutual(3))
    leader = world.get(st.PROGRESS, name).leader
    places = {place.member: (place.role, place.deposit) for place in world.scan(st.PLACES, name)}
    assert places.pop(leader) == ("leader", 60) and set(places.values()) == {("member", 50)}
    assert TeamFormed(name, leader, world.get(st.TEAMS, name).active) in world.said


def test_who_cannot_stake_what_a_leader_must_does_not_lead():
    world = consortium(50)
    world.did("ada", tx.Transfer("fay", 20))
    rules = mutual(3)
    world, name = formed(rules, ("bob", "cleo", "fay"), world, reward=10)
    assert world.get(st.PROGRESS, name).leader == "fay"
    world, name = formed(rules, ("bob", "cleo"), consortium(50), reward=10)
    assert outcome(world, name) == "nobody could stake what the leader must"


def test_a_named_leader_must_be_in_the_team():
    named = mutual(3, leader="named", named="bob")
    world, name = formed(named, ("cleo", "bob", "dan"))
    assert world.get(st.PROGRESS, name).leader == "bob"
    world, name = formed(named, ("cleo", "dan"))
    assert outcome(world, name) == "nobody could stake what the leader must"


@pytest.mark.parametrize(
    "rules, applicants, reason",
    [
        (mutual(3), ("bob",), "1 of at least 2 members applied"),
        (mutual(3), (), "0 of at least 2 members applied"),
        (mutual(2, leader="analyst"), ("bob", "cleo"), "no analyst applied"),
    ],
)
def test_too_few_are_a_refund_that_says_why(rules, applicants, reason):
    world, name = formed(rules, applicants)
    assert outcome(world, name) == reason and world.get(st.PROGRESS, name).stage == "refunded"
    assert {world.balance(member) for member in MEMBERS} == {10_000}


def test_an_analyst_leads_the_team_that_hired_it():
    equal = ru.Paying(weight="equal")
    rules = mutual(2, leader="analyst", phases=(train(), COMBINE), result="combine", paying=equal)
    world = consortium()
    name = ask(world, rules)
    for member in ("bob", "cleo"):
        answer(world, name, member)
    answer(world, name, "dan", analyst=True)
    world.wait(HOUR)
    progress = world.get(st.PROGRESS, name)
    assert progress.leader == progress.analyst == "dan"
    assert world.get(st.PLACES, name, "dan").role == "analyst"


def test_a_list_decides_who_may_be_chosen_and_in_which_order():
    world = consortium()
    name = ask(world, mutual(2, candidates="listed", order="listed"))
    for member in APPLICANTS:
        answer(world, name, member)
    draft, request = draft_of(world), world.get(st.REQUESTS, name)
    assert forming.candidates(draft, request) == ()  # nothing is posted yet
    world.did("ada", tx.ChooseTeam(name, ("fay", "eve", "bob")))
    assert forming.candidates(draft_of(world), request) == ("fay", "eve", "bob")
    world.wait(HOUR)
    assert world.get(st.TEAMS, name).active == ("fay", "eve")
    assert world.balance("cleo") == 10_000


def test_a_standing_team_decides_who_may_be_chosen():
    world = consortium()
    world.did("bob", tx.RegisterTeam("old", ("cleo", "dan")))
    world.did("cleo", tx.JoinTeam("old"))
    name = ask(world, mutual(2, candidates="team", team="old"))
    request = world.get(st.REQUESTS, name)
    assert forming.candidates(draft_of(world), request) == ("bob", "cleo")
    anybody = world.get(st.REQUESTS, ask(world, mutual(2), reward=10))
    assert forming.candidates(draft_of(world), anybody) is None


@pytest.mark.parametrize(
    "rules, member, analyst, locked",
    [
        (mutual(), "bob", False, 50),
        (mutual(leader="named", named="bob"), "bob", False, 60),
        (mutual(leader="named", named="bob"), "cleo", False, 50),
        (mutual(leader="analyst"), "bob", True, 60),
        (mutual(deposit=80), "bob", True, 80),
    ],
)
def test_who_would_lead_locks_what_a_leader_stakes(rules, member, analyst, locked):
    world = consortium()
    request = world.get(st.REQUESTS, ask(world, mutual()))
    assert forming.stake(replace(request, rules=rules), member, analyst) == locked
