"""Units: what is registered, and that no version, split, sale or return refreshes a privacy budget."""

from msgspec.structs import replace

from tallystick.base.merkle import EMPTY
from tallystick.ledger import notices as say
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.budgets.curves import ZERO
from tallystick.ledger.handlers.units import MAX_PARTS
from tallystick.ledger.state import LINEAGES, RECORDS, UNIT_NAMES, UNITS
from tests.ledger import story
from tests.ledger.story import BUDGET, described
from tests.ledger.world import World, ensure_refused, founder, refused

NOWHERE = "unit-" + "0" * 32


def registered(world: World, owner: str = "ada", name: str = "factory", **more) -> str:
    return world.made("unit", owner, described(name, **more))


def lineage(world: World, unit: str) -> str:
    return world.get(UNITS, unit).lineage


def recorded(world: World) -> tuple[str, str, str]:
    """A request of dan's, served and recorded by ada and bob, and their units."""
    name = story.settled(world)
    (_, ada, _), (_, bob, _) = world.get(RECORDS, name).sources
    return name, ada, bob


# --- registering ------------------------------------------------------------------------------------


def test_a_unit_opens_a_lineage_with_its_budget():
    world = World()
    body = described("factory")
    unit = world.made("unit", "ada", body)
    found = world.get(UNITS, unit)
    assert (found.owner, found.name, found.version, found.active) == ("ada", "factory", 1, True)
    assert (found.profile, found.terms, found.sketch) == (body.profile, body.terms, body.sketch)
    budget = world.get(LINEAGES, found.lineage)
    assert (budget.budget, budget.owner, budget.parts) == (BUDGET, "ada", (unit,))
    assert budget.spent.training == budget.reserved.judging == ZERO


def test_it_says_so():
    world = World()
    receipt = world.did("ada", described("factory"))
    (notice,) = receipt.notices
    assert isinstance(notice, say.UnitRegistered)
    assert (notice.owner, notice.lineage) == ("ada", lineage(world, notice.unit))


def test_a_new_version_keeps_lineage_and_name():
    world = World()
    first = registered(world)
    second = registered(world, training="more", judging="other", budget=None, version_of=first)
    found = world.get(UNITS, second)
    assert (found.version, found.previous, found.lineage) == (2, first, lineage(world, first))
    assert world.get(UNITS, first).active
    third = registered(world, training="yet more", budget=None, version_of=second)
    assert world.get(UNITS, third).version == 3


def test_the_same_rows_join_the_lineage_that_has_them():
    world = World()
    first = registered(world)
    again = registered(world, name="copy", training="factory training", budget=None)
    swapped = registered(world, name="swapped", judging="factory training", budget=None)
    assert lineage(world, again) == lineage(world, swapped) == lineage(world, first)


def test_coming_back_after_a_withdrawal_refreshes_nothing():
    world = World()
    first = registered(world)
    assert world.did("ada", tx.WithdrawUnit(first)).notices == (say.UnitWithdrawn(first),)
    assert not world.get(UNITS, first).active
    ensure_refused(world, "ada", described("again", training="factory training"), no.BadUnit)
    again = registered(world, budget=None, version_of=first)
    assert lineage(world, again) == lineage(world, first)


def test_splits_share_the_lineage():
    world = World()
    whole = registered(world)
    half = registered(world, name="half", budget=None, derived_from=(whole,))
    quarter = registered(world, name="quarter", budget=None, derived_from=(half,))
    assert lineage(world, quarter) == lineage(world, whole)
    assert world.get(LINEAGES, lineage(world, whole)).parts == (whole, half, quarter)


def test_a_recorded_model_of_ones_own_rows_joins_their_lineage():
    world = World()
    name, ada, _ = recorded(world)
    unit = registered(world, name="model", budget=None, derived_from=(name,))
    assert lineage(world, unit) == lineage(world, ada)


def test_a_recorded_model_of_others_rows_opens_a_lineage():
    world = World()
    name, ada, bob = recorded(world)
    unit = registered(world, owner="dan", name="model", derived_from=(name,))
    assert lineage(world, unit) not in (lineage(world, ada), lineage(world, bob))


def test_no_rows_at_all_are_nobodys():
    world = World()
    for owner in ("ada", "bob"):
        world.did(owner, replace(described(f"of-{owner}"), judging_root=EMPTY))


def test_citations_count_others_once():
    world = World()
    cited = registered(world)
    registered(world, name="review", cites=(cited,))
    assert world.get(UNITS, cited).citations == 0
    registered(world, owner="bob", name="survey", cites=(cited,))
    assert world.get(UNITS, cited).citations == 1


def test_names_are_ones_own():
    world = World()
    registered(world, owner="ada")
    registered(world, owner="bob", training="x", judging="y")


@refused(tx.RegisterUnit, no.WrongRole)
def test_only_owners_register():
    return World(founder("ada", roles=("requester",)), founder("bob")), "ada", described()


@refused(tx.RegisterUnit, no.AlreadyExists)
def test_a_name_twice():
    world = World()
    registered(world)
    return world, "ada", described("factory", "x", "y")


@refused(tx.RegisterUnit, no.AlreadyExists)
def test_the_rows_of_another():
    world = World()
    registered(world)
    return world, "bob", described("mine", training="factory training")


@refused(tx.RegisterUnit, no.AlreadyExists)
def test_the_judging_rows_of_another_as_training_rows():
    world = World()
    registered(world)
    return world, "bob", described("mine", training="factory judging")


@refused(tx.RegisterUnit, no.UnknownRecord)
def test_a_version_of_nothing():
    return World(), "ada", described(budget=None, version_of=NOWHERE)


@refused(tx.RegisterUnit, no.UnknownRecord)
def test_derived_from_nothing():
    return World(), "ada", described(derived_from=(NOWHERE,))


@refused(tx.RegisterUnit, no.UnknownRecord)
def test_citing_nothing():
    return World(), "ada", described(cites=(NOWHERE,))


@refused(tx.RegisterUnit, no.NotYours)
def test_a_version_of_anothers_unit():
    world = World()
    return world, "bob", described("factory", "x", "y", None, version_of=registered(world))


@refused(tx.RegisterUnit, no.NotYours)
def test_derived_from_anothers_unit():
    world = World()
    return world, "bob", described("mine", derived_from=(registered(world),))


@refused(tx.RegisterUnit, no.NotYours)
def test_derived_from_a_record_one_had_no_part_in():
    world = World()
    return world, "cleo", described("mine", derived_from=(recorded(world)[0],))


@refused(tx.RegisterUnit, no.WrongStage)
def test_a_version_of_what_has_a_newer_one():
    world = World()
    first = registered(world)
    registered(world, budget=None, version_of=first)
    return world, "ada", described(budget=None, version_of=first)


@refused(tx.RegisterUnit, no.WrongStage)
def test_derived_from_a_record_that_does_not_stand():
    world = World()
    play = story.formed(world)
    play.run(until=lambda progress: progress.stage == "recording")
    play.silent = {"ada": ["record"], "bob": ["record"]}
    assert play.run().outcome.startswith("no record stood")
    return world, "ada", described("model", budget=None, derived_from=(play.request,))


@refused(tx.RegisterUnit, no.BadUnit)
def test_judging_by_what_was_trained_on():
    return World(), "ada", described(training="same", judging="same")


@refused(tx.RegisterUnit, no.BadUnit)
def test_a_new_lineage_without_a_budget():
    return World(), "ada", described(budget=None)


@refused(tx.RegisterUnit, no.BadUnit)
def test_a_version_with_a_fresh_budget():
    world = World()
    return world, "ada", described(training="new", version_of=registered(world))


@refused(tx.RegisterUnit, no.BadUnit)
def test_a_split_with_a_fresh_budget():
    world = World()
    return world, "ada", described("half", derived_from=(registered(world),))


@refused(tx.RegisterUnit, no.BadUnit)
def test_a_version_under_another_name():
    world = World()
    return world, "ada", described("renamed", budget=None, version_of=registered(world))


@refused(tx.RegisterUnit, no.BadUnit)
def test_rows_of_two_lineages():
    """Else the merged unit would spend one budget and spare the other."""
    world = World()
    one, other = registered(world), registered(world, name="other")
    return world, "ada", described("both", budget=None, derived_from=(one, other))


@refused(tx.RegisterUnit, no.BadUnit)
def test_training_rows_of_one_lineage_and_judging_rows_of_another():
    world = World()
    registered(world), registered(world, name="other")
    return world, "ada", described("both", "factory training", "other judging", None)


@refused(tx.RegisterUnit, no.BadUnit)
def test_naming_a_source_twice():
    world = World()
    unit = registered(world)
    return world, "ada", described("half", budget=None, derived_from=(unit, unit))


@refused(tx.RegisterUnit, no.BadUnit)
def test_too_many_units_of_one_lineage_on_offer():
    world = World()
    whole = registered(world)
    for part in range(1, MAX_PARTS):
        registered(world, name=f"part-{part}", budget=None, derived_from=(whole,))
    return world, "ada", described("one-more", budget=None, derived_from=(whole,))


def test_a_withdrawn_part_makes_room():
    world = World()
    whole = registered(world)
    parts = [
        registered(world, name=f"part-{part}", budget=None, derived_from=(whole,))
        for part in range(1, MAX_PARTS)
    ]
    world.did("ada", tx.WithdrawUnit(parts[0]))
    registered(world, name="one-more", budget=None, derived_from=(whole,))


# --- withdrawing and handing over -------------------------------------------------------------------


def test_a_transfer_moves_the_whole_lineage():
    world = World()
    first = registered(world)
    second = registered(world, training="more", budget=None, version_of=first)
    half = registered(world, name="half", budget=None, derived_from=(first,))
    receipt = world.did("ada", tx.TransferUnit(half, "bob"))
    assert {notice.unit for notice in receipt.notices} == {first, second, half}
    assert {world.get(UNITS, unit).owner for unit in (first, second, half)} == {"bob"}
    assert world.get(LINEAGES, lineage(world, first)).owner == "bob"
    assert {name: world.get(UNIT_NAMES, "bob", name).unit for name in ("factory", "half")} == {
        "factory": second,
        "half": half,
    }
    assert world.find(UNIT_NAMES, "ada", "factory") is world.find(UNIT_NAMES, "ada", "half") is None
    ensure_refused(world, "bob", described("half", "x", "y"), no.AlreadyExists)
    third = registered(world, owner="bob", training="even more", budget=None, version_of=second)
    assert world.get(UNITS, third).version == 3


def test_the_old_owner_starts_afresh_only_with_other_rows():
    world = World()
    unit = registered(world)
    world.did("ada", tx.TransferUnit(unit, "bob"))
    ensure_refused(world, "ada", described("factory"), no.AlreadyExists)
    ensure_refused(world, "ada", described("factory", "x", "y", None, version_of=unit), no.NotYours)
    registered(world, training="x", judging="y")


def test_a_name_that_the_new_owner_has_is_told_apart():
    world = World()
    unit, own = registered(world), registered(world, owner="bob", training="x", judging="y")
    world.did("ada", tx.TransferUnit(unit, "bob"))
    name = world.get(UNITS, unit).name
    assert name.startswith("factory-") and unit.endswith(name.removeprefix("factory-"))
    assert world.get(UNITS, own).name == "factory"
    registered(world, owner="bob", name=name, training="new", budget=None, version_of=unit)


def test_the_owner_withdraws_what_was_withdrawn_under_another_owner_no_second_time():
    world = World()
    first = registered(world)
    half = registered(world, name="half", budget=None, derived_from=(first,))
    world.did("ada", tx.WithdrawUnit(first))
    world.did("ada", tx.TransferUnit(half, "bob"))
    ensure_refused(world, "bob", tx.WithdrawUnit(first), no.WrongStage)
    ensure_refused(world, "ada", tx.WithdrawUnit(first), no.NotYours)


@refused(tx.WithdrawUnit, no.UnknownRecord)
def test_withdrawing_nothing():
    return World(), "ada", tx.WithdrawUnit(NOWHERE)


@refused(tx.WithdrawUnit, no.NotYours)
def test_withdrawing_anothers_unit():
    world = World()
    return world, "bob", tx.WithdrawUnit(registered(world))


@refused(tx.WithdrawUnit, no.WrongStage)
def test_withdrawing_twice():
    world = World()
    unit = registered(world)
    world.did("ada", tx.WithdrawUnit(unit))
    return world, "ada", tx.WithdrawUnit(unit)


@refused(tx.TransferUnit, no.UnknownRecord)
def test_handing_over_nothing():
    return World(), "ada", tx.TransferUnit(NOWHERE, "bob")


@refused(tx.TransferUnit, no.NotYours)
def test_handing_over_anothers_unit():
    world = World()
    return world, "bob", tx.TransferUnit(registered(world), "cleo")


@refused(tx.TransferUnit, no.WrongStage)
def test_handing_over_what_is_withdrawn():
    world = World()
    unit = registered(world)
    world.did("ada", tx.WithdrawUnit(unit))
    return world, "ada", tx.TransferUnit(unit, "bob")


@refused(tx.TransferUnit, no.UnknownMember)
def test_handing_over_to_a_stranger():
    world = World()
    return world, "ada", tx.TransferUnit(registered(world), "eve")


@refused(tx.TransferUnit, no.WrongRole)
def test_handing_over_to_who_is_no_owner():
    world = World(founder("ada"), founder("bob", roles=("auditor",)))
    return world, "ada", tx.TransferUnit(registered(world), "bob")


@refused(tx.TransferUnit, no.SelfDealing)
def test_handing_over_to_oneself():
    world = World()
    return world, "ada", tx.TransferUnit(registered(world), "ada")
