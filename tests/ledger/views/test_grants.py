"""Grants and asks as they are shown: whether a grant still permits, and why not."""

from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tests.ledger import story
from tests.ledger.story import PURPOSE, described, formed, given, posted
from tests.ledger.world import HOUR, START, World


def does(world: World, member: str) -> list[tuple[str, str]]:
    """What waits for a member: what to do, and in which phase."""
    return [(turn.do, turn.phase) for turn in views.turns(world.reader, member, world.time)]


def test_a_grant_says_whether_it_still_permits():
    world = World()
    play = formed(world, story.charged(rounds=1))
    unit = views.unit_named(world.reader, "ada", "unit-of-ada").unit
    few = world.made("grant", "ada", given(unit, "cleo", until=world.time + HOUR))
    revoked = world.made("grant", "ada", given(unit, "cleo"))
    world.did("ada", tx.RevokeGrant(revoked))
    stages = {one.grant: one.stage for one in views.grants(world.reader, world.time, owner="ada")}
    assert (stages[few], stages[revoked], sorted(stages.values())) == (
        "open",
        "revoked",
        ["open", "open", "revoked"],
    )
    until = views.grant(world.reader, few, world.time).until
    assert views.grant(world.reader, few, until - 1).stage == "open"
    assert views.grant(world.reader, few, until).stage == "expired"
    anyone = [one for one in views.grants(world.reader, world.time, of=unit) if one.to == "*"]
    assert [(one.left, one.uses) for one in anyone] == [(99, 100)]
    mine = {one.grant for one in views.grants(world.reader, world.time, to="cleo", stage="open")}
    assert few in mine and revoked not in mine
    play.run()
    world.did("ada", tx.TransferUnit(unit, "cleo"))
    assert views.grant(world.reader, few, world.time).stage == "ended with its giver's ownership"
    assert views.grant(world.reader, "grant-" + "0" * 32, world.time) is None


def test_a_grant_is_used_up():
    world = World()
    unit = world.made("unit", "ada", described())
    grant = world.made("grant", "ada", given(unit, uses=1))
    name = posted(world, story.charged(size=1, rounds=1, minimum=1, phases=story.charged().phases))
    world.did("ada", tx.Apply(name, units=(tx.UnitUse(unit, grant),)))
    world.wait(HOUR)
    assert views.grant(world.reader, grant, world.time).stage == "used up"


def test_asks_wait_for_the_owner():
    world = World()
    unit = world.made("unit", "ada", described())
    ask = world.made("ask", "bob", tx.AskGrant(unit, PURPOSE, 1, START + HOUR))
    assert [one.ask for one in views.asks(world.reader, world.time, owner="ada")] == [ask]
    assert [one.ask for one in views.asks(world.reader, world.time, member="bob")] == [ask]
    assert views.asks(world.reader, world.time, owner="bob") == ()
    assert does(world, "ada") == [("answer", "")]
    assert views.asks(world.reader, START + HOUR) == ()
