"""Units by owner, name and category; what a budget has spent, may spend at worst, and has left."""

from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.budgets.curves import add, curve, epsilon, times
from tallystick.ledger.rules import dearest
from tests.ledger import story
from tests.ledger.story import NOISE, described, formed
from tests.ledger.world import World


def test_units_are_found_by_owner_name_and_category():
    world = World()
    first = world.made("unit", "ada", described())
    second = world.made("unit", "ada", described(training="more", budget=None, version_of=first))
    other = world.made("unit", "bob", described("other"))
    assert views.unit_named(world.reader, "ada", "factory").unit == second
    assert {one.unit for one in views.units(world.reader, owner="ada")} == {first, second}
    world.did("ada", tx.WithdrawUnit(first))
    assert {one.unit for one in views.units(world.reader)} == {second, other}
    assert len(views.units(world.reader, withdrawn=True)) == 3
    assert views.units(world.reader, category="speech") == ()
    world.did("ada", tx.TransferUnit(second, "bob"))
    assert views.unit_named(world.reader, "ada", "factory") is None
    assert views.unit(world.reader, first).owner == "bob"
    assert views.unit(world.reader, "unit-" + "0" * 32) is None


def test_a_budget_says_what_is_spent_at_worst_and_left():
    world = World()
    play = formed(world)
    lineage = views.unit_named(world.reader, "ada", "unit-of-ada").budget
    once = curve(dearest(NOISE))
    limit = story.BUDGET
    assert lineage.training.spent == epsilon(once, limit.delta_e12)
    assert lineage.training.at_worst == epsilon(times(once, 2), limit.delta_e12)
    assert lineage.training.left == limit.epsilon_nano - lineage.training.at_worst
    assert lineage.judging == views.Spending(0, 0, limit.epsilon_nano)
    assert (lineage.protects, lineage.unaccounted) == ("record", 0)
    play.run()
    after = views.budget(world.reader, lineage.lineage).training
    assert after.spent == after.at_worst == epsilon(add(once, once), limit.delta_e12)
    assert {one.owner for one in views.budgets(world.reader)} == {"ada", "bob"}
    assert [one.lineage for one in views.budgets(world.reader, owner="ada")] == [lineage.lineage]
