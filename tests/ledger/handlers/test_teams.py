"""Refusals of what applicants and teams do: applying, grading, leaving, standing together."""

from msgspec.structs import replace

from tallystick.base.events import Gaussian
from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.play import (
    COMBINE,
    TRAINS,
    Play,
    answer,
    ask,
    consortium,
    judge,
    mutual,
    relay,
    started,
    train,
)
from tests.ledger.units_at_hand import with_unit
from tests.ledger.world import DAY, World, refused

NO_REQUEST = "request-" + "0" * 32
NO_UNIT = "unit-" + "0" * 32
OWNED = mutual(2, 1, units=True, phases=(train(rows="training", event=TRAINS), judge(), COMBINE))


def requested(rules: ru.Rules | None = None) -> tuple[World, str]:
    world = consortium()
    return world, ask(world, rules or mutual())


@refused(tx.Apply, no.UnknownRecord)
def test_applying_for_nothing():
    return consortium(), "bob", tx.Apply(NO_REQUEST)


@refused(tx.Apply, no.UnknownRecord)
def test_applying_with_an_unknown_unit():
    world, request = requested(OWNED)
    return world, "bob", tx.Apply(request, units=(tx.UnitUse(NO_UNIT, "grant-" + "0" * 32),))


@refused(tx.Apply, no.WrongStage)
def test_applying_after_the_last_round_has_begun():
    play = started(mutual(3, 1, bench=3), applicants=("bob", "cleo"))
    play.run(until=lambda progress: progress.stage == "rounds")
    return play.world, "dan", tx.Apply(play.request)


@refused(tx.Apply, no.WrongRole)
def test_only_workers_work_without_a_unit():
    world, request = requested()
    world.decide(tx.SetRoles("bob", ("owner",)))
    request = ask(world, mutual())
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.SelfDealing)
def test_nobody_answers_its_own_request():
    world, request = requested()
    return world, "ada", tx.Apply(request)


@refused(tx.Apply, no.AlreadyDone)
def test_applying_twice():
    world, request = requested()
    answer(world, request, "bob")
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.NotEligible)
def test_only_the_standing_team_serves():
    world = consortium()
    world.did("cleo", tx.RegisterTeam("pumpers", ("dan",)))
    request = ask(world, mutual(candidates="team", team="pumpers"))
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.NotEnoughCredit)
def test_newcomers_where_credit_is_wanted():
    world, request = requested(mutual(minimum_credit=1))
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.NotEnoughTokens)
def test_stake_that_one_does_not_have():
    world, request = requested(mutual(deposit=10_001))
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.NotYours)
def test_anothers_unit():
    world, uses = with_unit(("bob",), epsilon=10**9)
    return world, "cleo", tx.Apply(ask(world, OWNED), units=(uses["bob"],))


@refused(tx.Apply, no.NotGranted)
def test_revoked_grant():
    world, uses = with_unit(("bob",), epsilon=100 * 10**9)
    world.did("bob", tx.RevokeGrant(uses["bob"].grant))
    return world, "bob", tx.Apply(ask(world, OWNED), units=(uses["bob"],))


def test_grants_that_do_not_fit_say_why():
    """Another purpose, another member, expired, used up, statistics only: each is told."""
    world, uses = with_unit(("bob",), epsilon=100 * 10**9)
    unit = uses["bob"].unit
    request = ask(world, OWNED)
    short = world.time + DAY
    gifts = {
        "for 'dan'": tx.GiveGrant(unit, "dan", "maintenance", 1, short),
        "statistics": tx.GiveGrant(unit, "*", "maintenance", 1, short, statistics_only=True),
    }
    for reason, gift in gifts.items():
        grant = world.made("grant", "bob", gift)
        receipt = world.does("bob", tx.Apply(request, units=(tx.UnitUse(unit, grant),)))
        assert receipt.refusal == "NotGranted"
        assert reason in receipt.detail
    used = world.made("grant", "bob", tx.GiveGrant(unit, "*", "maintenance", 1, short))
    for _ in range(2):
        world.did("cleo", tx.Transfer("ada", 1_000))
        first = ask(world, replace(OWNED, forming=replace(OWNED.forming, minimum=1)))
        receipt = world.does("bob", tx.Apply(first, units=(tx.UnitUse(unit, used),)))
        Play(world, first, silent={"bob": ("train",)}).run()
    assert "are used" in receipt.detail
    world.wait(2 * DAY)
    request = ask(world, OWNED)
    receipt = world.does("bob", tx.Apply(request, units=(tx.UnitUse(unit, used),)))
    assert "it ended at" in receipt.detail


@refused(tx.Apply, no.EventRefused)
def test_event_that_protects_less_than_the_rules_allow():
    world, uses = with_unit(("bob",), epsilon=100 * 10**9)
    weak = replace(TRAINS.most, sigma_milli=999)
    use = replace(uses["bob"], events=(("train", weak),))
    return world, "bob", tx.Apply(ask(world, OWNED), units=(use,))


@refused(tx.Apply, no.EventRefused)
def test_event_of_another_granularity():
    world, uses = with_unit(("bob",), epsilon=100 * 10**9)
    member = replace(TRAINS, protects="member")
    rules = replace(OWNED, phases=(train(rows="training", event=member), judge(), COMBINE))
    return world, "bob", tx.Apply(ask(world, rules), units=(uses["bob"],))


@refused(tx.Apply, no.EventRefused)
def test_publication_without_an_event_where_terms_ask_for_one():
    world, uses = with_unit(("bob",), epsilon=100 * 10**9)
    rules = replace(OWNED, phases=(train(rows="training"), judge(), COMBINE))
    return world, "bob", tx.Apply(ask(world, rules), units=(uses["bob"],))


@refused(tx.Apply, no.EventRefused)
def test_event_for_a_phase_that_names_none():
    world, uses = with_unit(("bob",), epsilon=100 * 10**9)
    use = replace(uses["bob"], events=(("judge", Gaussian(1_000, 1)),))
    return world, "bob", tx.Apply(ask(world, OWNED), units=(use,))


@refused(tx.Apply, no.OverBudget)
def test_budget_that_does_not_suffice():
    world, uses = with_unit(("bob",), epsilon=1_000)
    return world, "bob", tx.Apply(ask(world, OWNED), units=(uses["bob"],))


@refused(tx.Apply, no.BadApplication)
def test_no_unit_where_one_is_wanted():
    world, request = requested(OWNED)
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.BadApplication)
def test_no_salt_where_something_is_drawn():
    world, request = requested(relay())
    return world, "bob", tx.Apply(request)


@refused(tx.Apply, no.BadApplication)
def test_analyst_where_none_is_wanted():
    world, request = requested()
    return world, "bob", tx.Apply(request, analyst=True)


@refused(tx.Apply, no.BenchFull)
def test_full_bench():
    play = started(mutual(2, 3, bench=1), applicants=("bob", "cleo", "dan"))
    play.run(until=lambda progress: progress.stage == "rounds")
    return play.world, "eve", tx.Apply(play.request)


def test_bench_is_open_until_the_last_round():
    play = started(mutual(2, 3, bench=2), applicants=("bob", "cleo"))
    play.run(until=lambda progress: progress.stage == "rounds")
    answer(play.world, play.request, "eve")
    assert play.world.get(st.TEAMS, play.request).bench == ("eve",)
    assert play.world.balance("eve") == 9_950
    play.world.did("eve", tx.WithdrawApplication(play.request))
    assert play.world.get(st.TEAMS, play.request).bench == ()
    assert play.world.balance("eve") == 10_000


@refused(tx.WithdrawApplication, no.UnknownRecord)
def test_withdrawing_what_was_never_sent():
    world, request = requested()
    return world, "bob", tx.WithdrawApplication(request)


@refused(tx.WithdrawApplication, no.WrongStage)
def test_withdrawing_from_a_place():
    play = started(mutual(2, 1), applicants=("bob", "cleo"))
    play.run(until=lambda progress: progress.stage == "rounds")
    return play.world, "bob", tx.WithdrawApplication(play.request)


GRADED = mutual(2, 1, leader="named", named="bob", ability="graded")


def test_grades_of_the_leader_choose_the_team():
    play = started(GRADED, applicants=("bob", "cleo", "dan"))
    play.world.did("bob", tx.Grade(play.request, (("bob", 10**6), ("dan", 900_000), ("cleo", 0))))
    play.run(until=lambda progress: progress.stage == "rounds")
    assert play.world.get(st.TEAMS, play.request).active == ("bob", "dan")
    assert play.world.get(st.PLACES, play.request, "bob").deposit == 60


@refused(tx.Grade, no.UnknownRecord)
def test_grading_who_did_not_apply():
    play = started(GRADED, applicants=("bob",))
    return play.world, "bob", tx.Grade(play.request, (("cleo", 1),))


@refused(tx.Grade, no.NotYours)
def test_grading_as_another():
    play = started(GRADED, applicants=("bob", "cleo"))
    return play.world, "cleo", tx.Grade(play.request, (("cleo", 10**6),))


@refused(tx.Grade, no.WrongStage)
def test_grading_where_standing_decides():
    play = started(mutual(2, 1, leader="named", named="bob"), applicants=("bob", "cleo"))
    return play.world, "bob", tx.Grade(play.request, (("cleo", 1),))


@refused(tx.Leave, no.UnknownRecord)
def test_leaving_without_a_place():
    play = started(mutual(2, 1), applicants=("bob", "cleo"))
    play.run(until=lambda progress: progress.stage == "rounds")
    return play.world, "dan", tx.Leave(play.request)


@refused(tx.Leave, no.WrongStage)
def test_leaving_when_all_turns_are_served():
    play = started(mutual(2, 1), applicants=("bob", "cleo"))
    play.run(until=lambda progress: progress.stage == "recording")
    return play.world, "bob", tx.Leave(play.request)


def test_standing_team_forms_by_consent_and_serves():
    world = consortium()
    world.did("bob", tx.RegisterTeam("pumpers", ("cleo", "dan")))
    world.did("cleo", tx.JoinTeam("pumpers"))
    request = ask(world, mutual(2, 1, candidates="team", team="pumpers"))
    for member in ("bob", "cleo"):
        answer(world, request, member)
    assert Play(world, request).run().stage == "settled"


@refused(tx.RegisterTeam, no.UnknownMember)
def test_team_of_strangers():
    return consortium(), "bob", tx.RegisterTeam("pumpers", ("zoe",))


@refused(tx.RegisterTeam, no.BadTeam)
def test_team_that_names_one_twice():
    return consortium(), "bob", tx.RegisterTeam("pumpers", ("cleo", "cleo"))


@refused(tx.RegisterTeam, no.AlreadyExists)
def test_team_whose_name_is_taken():
    world = consortium()
    world.did("bob", tx.RegisterTeam("pumpers", ("cleo",)))
    return world, "dan", tx.RegisterTeam("pumpers", ("cleo",))


@refused(tx.JoinTeam, no.UnknownRecord)
def test_joining_no_team():
    return consortium(), "bob", tx.JoinTeam("pumpers")


def founded() -> World:
    world = consortium()
    world.did("bob", tx.RegisterTeam("pumpers", ("cleo",)))
    return world


@refused(tx.JoinTeam, no.NotEligible)
def test_joining_uninvited():
    return founded(), "dan", tx.JoinTeam("pumpers")


@refused(tx.JoinTeam, no.AlreadyDone)
def test_joining_twice():
    world = founded()
    world.did("cleo", tx.JoinTeam("pumpers"))
    return world, "cleo", tx.JoinTeam("pumpers")


def test_hash_is_the_tie_break_and_not_the_order_of_the_ledger():
    """The same applicants in another order form the same team."""
    teams = []
    for order in (("bob", "cleo", "dan", "eve"), ("eve", "dan", "cleo", "bob")):
        play = started(mutual(2, 1), applicants=order)
        play.run(until=lambda progress: progress.stage == "rounds")
        teams.append(play.world.get(st.TEAMS, play.request).active)
    assert teams[0] == teams[1]
