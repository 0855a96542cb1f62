"""Refusals of what requesters do: posting, withdrawing, reusing, listing, opening the test set."""

from msgspec.structs import replace

from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tests.ledger.play import Play, answer, ask, consortium, mutual, started
from tests.ledger.units_at_hand import with_unit
from tests.ledger.world import HOUR, World, founder, hashed, refused


def asking(rules: ru.Rules | None = None, reward: int = 1_000, parent: str = "") -> tx.PostRequest:
    rules = rules or mutual()
    return tx.PostRequest(
        "pumps", "maintenance", hashed("plan"), reward, rules, hashed("reuse"), parent=parent
    )


@refused(tx.PostRequest, no.WrongRole)
def test_only_a_requester_requests():
    return World(founder("ada", 1_000, ("owner",))), "ada", asking()


@refused(tx.PostRequest, no.BadRules)
def test_rules_that_contradict_themselves():
    return consortium(), "ada", asking(replace(mutual(), result="judge"))


@refused(tx.PostRequest, no.NotEnoughTokens)
def test_reward_that_one_does_not_have():
    return consortium(999), "ada", asking()


@refused(tx.PostRequest, no.UnknownMember)
def test_named_leader_is_a_member():
    return consortium(), "ada", asking(mutual(leader="named", named="zoe"))


@refused(tx.PostRequest, no.UnknownRecord)
def test_standing_team_is_known():
    return consortium(), "ada", asking(mutual(candidates="team", team="pumpers"))


def hired() -> tuple[World, str]:
    """A consumer's request whose analyst is bob."""
    world = consortium()
    deliver = ru.PhaseRule("deliver", "leader", "model", 10 * HOUR)
    rules = mutual(
        1, 1, minimum=1, leader="analyst", phases=(deliver,), result="deliver",
        paying=ru.Paying(weight="equal", analyst_fee=200), purchase_limit=700,
    )  # fmt: skip
    parent = ask(world, rules)
    answer(world, parent, "bob", analyst=True)
    Play(world, parent).run(until=lambda progress: progress.stage == "rounds")
    return world, parent


@refused(tx.PostRequest, no.NotYours)
def test_only_the_analyst_spends_the_escrow():
    world, parent = hired()
    return world, "cleo", asking(reward=10, parent=parent)


@refused(tx.PostRequest, no.NotEnoughTokens)
def test_analyst_keeps_to_the_purchase_limit():
    world, parent = hired()
    return world, "bob", asking(reward=701, parent=parent)


@refused(tx.PostRequest, no.WrongStage)
def test_ended_request_buys_nothing():
    world, parent = hired()
    Play(world, parent).run()
    return world, "bob", asking(reward=10, parent=parent)


NO_REQUEST = "request-" + "0" * 32


@refused(tx.WithdrawRequest, no.UnknownRecord)
def test_withdrawing_an_unknown_request():
    return consortium(), "ada", tx.WithdrawRequest(NO_REQUEST)


@refused(tx.WithdrawRequest, no.NotYours)
def test_withdrawing_anothers_request():
    play = started(mutual())
    return play.world, "bob", tx.WithdrawRequest(play.request)


@refused(tx.WithdrawRequest, no.WrongStage)
def test_withdrawing_once_the_team_has_formed():
    play = started(mutual())
    play.run(until=lambda progress: progress.stage == "rounds")
    return play.world, "ada", tx.WithdrawRequest(play.request)


def test_withdrawn_in_time_gives_everything_back():
    play = started(mutual())
    play.world.did("ada", tx.WithdrawRequest(play.request))
    assert [play.world.balance(member) for member in play.world.keys] == [10_000] * 6


def reusable(**more: object) -> Play:
    play = started(mutual(3, 1, paying=ru.Paying(reuse_fee=30), **more))
    play.run()
    return play


@refused(tx.ReuseRecord, no.WrongRole)
def test_only_a_requester_reuses():
    play = reusable()
    play.world.decide(tx.SetRoles("fay", ("owner",)))
    return play.world, "fay", tx.ReuseRecord(play.request, "maintenance")


@refused(tx.ReuseRecord, no.UnknownRecord)
def test_reusing_an_unknown_request():
    return consortium(), "ada", tx.ReuseRecord(NO_REQUEST, "maintenance")


@refused(tx.ReuseRecord, no.WrongStage)
def test_reusing_before_there_is_a_record():
    play = started(mutual())
    return play.world, "fay", tx.ReuseRecord(play.request, "maintenance")


@refused(tx.ReuseRecord, no.NotReusable)
def test_reusing_for_another_purpose():
    play = reusable()
    return play.world, "fay", tx.ReuseRecord(play.request, "marketing")


@refused(tx.ReuseRecord, no.NotReusable)
def test_reusing_when_a_source_is_withdrawn():
    world, uses = with_unit(("bob", "cleo"), epsilon=10**9)
    request = ask(world, mutual(2, 1, units=True))
    for member, use in uses.items():
        answer(world, request, member, units=(use,))
    Play(world, request).run()
    world.did("bob", tx.RevokeGrant(uses["bob"].grant))
    return world, "fay", tx.ReuseRecord(request, "maintenance")


@refused(tx.ReuseRecord, no.NotEnoughTokens)
def test_reusing_costs_the_agreed_fee():
    play = reusable()
    play.world.did("fay", tx.Transfer("ada", play.world.balance("fay") - 29))
    return play.world, "fay", tx.ReuseRecord(play.request, "maintenance")


LISTED = mutual(2, 1, candidates="listed", order="listed")


def test_posted_list_chooses_in_its_order():
    play = started(LISTED)
    play.world.did("ada", tx.ChooseTeam(play.request, ("dan", "bob")))
    play.run(until=lambda progress: progress.stage == "rounds")
    assert play.world.get(st.TEAMS, play.request).active == ("dan", "bob")


@refused(tx.ChooseTeam, no.UnknownRecord)
def test_listing_for_an_unknown_request():
    return consortium(), "ada", tx.ChooseTeam(NO_REQUEST, ("bob",))


@refused(tx.ChooseTeam, no.NotYours)
def test_listing_for_anothers_request():
    play = started(LISTED)
    return play.world, "bob", tx.ChooseTeam(play.request, ("bob",))


@refused(tx.ChooseTeam, no.WrongStage)
def test_listing_where_no_list_is_wanted():
    play = started(mutual())
    return play.world, "ada", tx.ChooseTeam(play.request, ("bob",))


@refused(tx.ChooseTeam, no.UnknownMember)
def test_listing_strangers():
    play = started(LISTED)
    return play.world, "ada", tx.ChooseTeam(play.request, ("zoe",))


@refused(tx.ChooseTeam, no.BadTeam)
def test_listing_one_twice():
    play = started(LISTED)
    return play.world, "ada", tx.ChooseTeam(play.request, ("bob", "bob"))


SALT, CONTENT = b"0123456789abcdef", hashed("test set")
TESTED = mutual(3, 1, test=ru.SealedTest(commitment_to_test(CONTENT, SALT), HOUR))


def recorded() -> Play:
    play = started(TESTED)
    play.run(until=lambda progress: progress.stage == "sealed")
    return play


@refused(tx.OpenTest, no.UnknownRecord)
def test_opening_for_an_unknown_request():
    return consortium(), "ada", tx.OpenTest(NO_REQUEST, CONTENT, SALT)


@refused(tx.OpenTest, no.NotYours)
def test_opening_anothers_test_set():
    play = recorded()
    return play.world, "bob", tx.OpenTest(play.request, CONTENT, SALT)


@refused(tx.OpenTest, no.WrongStage)
def test_opening_before_the_model_is_recorded():
    play = started(TESTED)
    return play.world, "ada", tx.OpenTest(play.request, CONTENT, SALT)


@refused(tx.OpenTest, no.BadReveal)
def test_opening_another_test_set():
    play = recorded()
    return play.world, "ada", tx.OpenTest(play.request, hashed("an easier one"), SALT)
