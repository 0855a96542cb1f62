"""Violations out of receipts: what was wrong, and whose it was."""

from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tests.ledger import story
from tests.ledger.story import described, given, posted
from tests.ledger.world import HOUR, World, key_of


def test_violations_are_listed_by_what_was_wrong():
    world = World()
    unit = world.made("unit", "ada", described())
    poor = world.made("unit", "ada", described("poor", budget=tx.PrivacyBudget(1, 1, "record")))
    once = world.made("grant", "ada", given(unit, uses=1))
    alone = posted(world, story.charged(1, minimum=1))
    world.did("ada", tx.Apply(alone, units=(tx.UnitUse(unit, once),)))
    world.wait(HOUR)
    name = posted(world)
    grants = {
        "over-used": once,
        "expired": world.made("grant", "ada", given(unit, until=world.time + 10)),
        "revoked": world.made("grant", "ada", given(unit)),
        "not entitled": world.made("grant", "ada", given(unit, "bob")),
        "over-budget": world.made("grant", "ada", given(poor)),
    }
    world.did("ada", tx.RevokeGrant(grants["revoked"]))
    world.wait(10)
    receipts = []
    for what, grant in grants.items():
        of = poor if what == "over-budget" else unit
        receipts.append(world.does("ada", tx.Apply(name, units=(tx.UnitUse(of, grant),))))
    receipts.append(world.does("bob", described("mine", training="factory training")))
    receipts.append(world.does("bob", tx.Transfer("ada", 1)))
    replayed = world.sealed("bob", tx.Transfer("ada", 1))
    receipts += [world.block(replayed).receipts[0], world.block(replayed).receipts[0]]
    receipts.append(world.does("ada", tx.Nudge(), valid_until=world.time))
    receipts.append(world.does("ada", tx.Nudge(), signer=key_of("bob")))
    found = views.violations(receipts)
    assert [one.offence for one in found] == [
        *grants,
        "double claim",
        "replayed",
        "expired",
        "forged",
    ]
    assert [one.member for one in found] == ["ada"] * 5 + ["bob", "", "", ""]
    assert all(one.detail for one in found)
