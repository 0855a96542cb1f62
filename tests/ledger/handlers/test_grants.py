"""Grants: asked, given within the unit's terms, declined, taken back; they end with the giver's ownership."""

import pytest

from tallystick.ledger import notices as say
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import ASKS, GRANTS
from tests.ledger import story
from tests.ledger.story import LATE, PURPOSE, described, given, offered
from tests.ledger.world import START, World, ensure_refused, refused

NOWHERE = "0" * 32
OTHER = "research"


def registered(world: World, owner: str = "ada", **terms) -> str:
    return world.made("unit", owner, described(f"of-{owner}", terms=tx.Terms(**terms)))


def asked(unit: str, purpose: str = PURPOSE, until: int = LATE) -> tx.AskGrant:
    return tx.AskGrant(unit, purpose, 5, until)


def test_an_ask_is_answered_and_gone():
    world = World()
    unit = registered(world)
    ask = world.made("ask", "bob", asked(unit))
    assert world.said[-1] == say.GrantAsked(ask, unit, "bob")
    found = world.get(ASKS, ask)
    assert (found.member, found.unit, found.purpose, found.uses) == ("bob", unit, PURPOSE, 5)
    grant = world.made("grant", "ada", given(unit, "bob", uses=3, ask=ask))
    assert world.said[-1] == say.GrantGiven(grant, unit, "bob")
    assert world.find(ASKS, ask) is None
    answer = world.get(GRANTS, grant)
    assert (answer.owner, answer.to, answer.uses, answer.used) == ("ada", "bob", 3, 0)


def test_an_ask_is_declined_and_gone():
    world = World()
    ask = world.made("ask", "bob", asked(registered(world)))
    assert world.did("ada", tx.DeclineGrant(ask)).notices == (say.GrantDeclined(ask),)
    assert world.find(ASKS, ask) is None


def test_a_grant_without_being_asked_and_to_anyone():
    world = World()
    unit = registered(world)
    grant = world.made("grant", "ada", given(unit, "*", statistics_only=True))
    assert world.get(GRANTS, grant).statistics_only
    assert world.get(GRANTS, grant).to == "*"


def test_terms_may_name_audience_and_purposes():
    world = World()
    unit = registered(world, audience=("bob",), purposes=(PURPOSE, OTHER))
    world.did("bob", asked(unit, OTHER))
    world.did("ada", given(unit, "bob", purpose=OTHER))


def test_a_revoked_grant_is_marked():
    world = World()
    grant = world.made("grant", "ada", given(registered(world)))
    assert world.did("ada", tx.RevokeGrant(grant)).notices == (say.GrantRevoked(grant),)
    assert world.get(GRANTS, grant).revoked


def test_an_expired_grant_can_be_revoked():
    """What was made by it is then no longer reused."""
    world = World()
    grant = world.made("grant", "ada", given(registered(world), until=START + 100))
    world.wait(200)
    world.did("ada", tx.RevokeGrant(grant))


def test_a_grant_ends_with_its_givers_ownership():
    world = World()
    play = story.formed(world)
    grant = world.scan(GRANTS)[0]
    world.did(grant.owner, tx.TransferUnit(grant.unit, "cleo"))
    play.run()
    assert say.MemberLeft(play.request, grant.owner, "withdrawn") in world.said
    ensure_refused(world, grant.owner, tx.RevokeGrant(grant.grant), no.NotYours)
    world.did("cleo", tx.RevokeGrant(grant.grant))


@refused(tx.AskGrant, no.UnknownRecord)
def test_asking_for_nothing():
    return World(), "bob", asked(f"unit-{NOWHERE}")


@refused(tx.AskGrant, no.WrongStage)
def test_asking_for_what_is_withdrawn():
    world = World()
    unit = registered(world)
    world.did("ada", tx.WithdrawUnit(unit))
    return world, "bob", asked(unit)


@refused(tx.AskGrant, no.SelfDealing)
def test_asking_oneself():
    world = World()
    return world, "ada", asked(registered(world))


@refused(tx.AskGrant, no.NotForYou)
def test_asking_without_belonging_to_the_audience():
    world = World()
    return world, "bob", asked(registered(world, audience=("cleo",)))


@refused(tx.AskGrant, no.NotForYou)
def test_asking_for_another_purpose():
    world = World()
    return world, "bob", asked(registered(world, purposes=(OTHER,)))


@refused(tx.AskGrant, no.OutOfRange)
def test_asking_until_now():
    world = World()
    unit = registered(world)
    return world, "bob", asked(unit, until=world.time)


@refused(tx.GiveGrant, no.UnknownRecord)
def test_giving_nothing():
    return World(), "ada", given(f"unit-{NOWHERE}")


@refused(tx.GiveGrant, no.UnknownRecord)
def test_answering_nothing():
    world = World()
    return world, "ada", given(registered(world), ask=f"ask-{NOWHERE}")


@refused(tx.GiveGrant, no.NotYours)
def test_giving_what_is_anothers():
    world = World()
    return world, "bob", given(registered(world))


@refused(tx.GiveGrant, no.WrongStage)
def test_giving_what_is_withdrawn():
    world = World()
    unit = registered(world)
    world.did("ada", tx.WithdrawUnit(unit))
    return world, "ada", given(unit)


@refused(tx.GiveGrant, no.UnknownMember)
def test_giving_to_a_stranger():
    world = World()
    return world, "ada", given(registered(world), "eve")


@refused(tx.GiveGrant, no.OutOfRange)
def test_giving_until_now():
    world = World()
    unit = registered(world)
    return world, "ada", given(unit, until=world.time)


@refused(tx.GiveGrant, no.NotForYou)
def test_giving_to_who_is_not_in_the_audience():
    world = World()
    return world, "ada", given(registered(world, audience=("cleo",)), "bob")


@refused(tx.GiveGrant, no.NotForYou)
def test_giving_to_anyone_where_not_anyone_may():
    world = World()
    return world, "ada", given(registered(world, audience=("bob", "cleo")), "*")


@refused(tx.GiveGrant, no.NotForYou)
def test_giving_for_a_purpose_that_the_terms_do_not_name():
    world = World()
    return world, "ada", given(registered(world, purposes=(OTHER,)))


@pytest.mark.parametrize("answer", [{"to": "cleo"}, {"to": "*"}, {"to": "bob", "purpose": OTHER}])
def test_a_grant_that_answers_something_else(answer):
    world = World()
    unit = registered(world)
    ask = world.made("ask", "bob", asked(unit))
    ensure_refused(world, "ada", given(unit, **answer, ask=ask), no.OutOfRange)


@refused(tx.GiveGrant, no.OutOfRange)
def test_a_grant_of_another_unit_than_was_asked_for():
    world = World()
    unit = registered(world)
    ask = world.made("ask", "bob", asked(registered(world, "cleo")))
    return world, "ada", given(unit, "bob", ask=ask)


@refused(tx.DeclineGrant, no.UnknownRecord)
def test_declining_nothing():
    return World(), "ada", tx.DeclineGrant(f"ask-{NOWHERE}")


@refused(tx.DeclineGrant, no.NotYours)
def test_declining_for_another():
    world = World()
    return world, "cleo", tx.DeclineGrant(world.made("ask", "bob", asked(registered(world))))


@refused(tx.RevokeGrant, no.UnknownRecord)
def test_revoking_nothing():
    return World(), "ada", tx.RevokeGrant(f"grant-{NOWHERE}")


@refused(tx.RevokeGrant, no.NotYours)
def test_revoking_what_another_gave():
    world = World()
    return world, "bob", tx.RevokeGrant(world.made("grant", "ada", given(registered(world))))


@refused(tx.RevokeGrant, no.WrongStage)
def test_revoking_twice():
    world = World()
    use = offered(world, "ada")
    world.did("ada", tx.RevokeGrant(use.grant))
    return world, "ada", tx.RevokeGrant(use.grant)
