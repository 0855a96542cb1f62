"""What members decide together: who may vote, when it passes, when it takes effect, and when it cannot."""

import pytest
from msgspec.structs import replace

from tallystick.base.ids import ROLES, Role
from tallystick.ledger import notices as say
from tallystick.ledger import rejections as no
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Limits
from tallystick.ledger.state import ACCOUNTS, CHAIN, ELECTORATES, LINEAGES, MEMBERS, PROPOSALS, UNITS
from tests.ledger.story import described
from tests.ledger.world import (
    DAY,
    HOUR,
    World,
    encryption_key_of,
    ensure_refused,
    founder,
    key_of,
    possession,
    refused,
)


def admission(member: str = "eve", key: str = "eve", roles: tuple[Role, ...] = ("owner",)) -> tx.Admit:
    return tx.Admit(member, key_of(key).public, possession(member, key), encryption_key_of(key), roles)


def recovery(member: str, key: str) -> tx.Recover:
    return tx.Recover(member, key_of(key).public, possession(member, key), encryption_key_of(key))


def stage(world: World, proposal: str) -> str:
    return world.get(PROPOSALS, proposal).stage


def proposed(world: World, change: tx.Change, by: str = "ada") -> str:
    return world.made("proposal", by, tx.Propose(change))


def registered(world: World, owner: str = "bob", name: str = "factory") -> str:
    return world.made("unit", owner, described(name))


# --- how a proposal passes ------------------------------------------------------------------------


def test_it_passes_above_two_thirds():
    world = World(*(founder(name) for name in ("ada", "bob", "cleo")))
    proposal = proposed(world, tx.FillPool(10))
    for member in ("ada", "bob"):
        world.did(member, tx.Vote(proposal, True))
        assert stage(world, proposal) == "open"  # two of three are not more than two thirds
    receipt = world.did("cleo", tx.Vote(proposal, True))
    assert receipt.notices[-1] == say.ProposalDecided(proposal, "passed")
    assert world.get(CHAIN).pool == 0
    outcome = world.wait(0)
    assert outcome.notices == (say.TokensIssued("", 10), say.ProposalDecided(proposal, "effective"))
    assert world.get(CHAIN).pool == 10


def test_it_lapses_as_soon_as_it_cannot_pass():
    world = World()
    proposal = proposed(world, tx.FillPool(10))
    world.did("ada", tx.Vote(proposal, False))
    assert stage(world, proposal) == "open"
    receipt = world.did("bob", tx.Vote(proposal, False))
    assert receipt.notices[-1] == say.ProposalDecided(proposal, "lapsed")
    assert stage(world, proposal) == "lapsed"


def test_it_lapses_at_its_deadline():
    world = World()
    proposal = proposed(world, tx.FillPool(10))
    world.did("ada", tx.Vote(proposal, True))
    world.wait(DAY)
    assert stage(world, proposal) == "lapsed"
    ensure_refused(world, "bob", tx.Vote(proposal, True), no.WrongStage)


def test_it_waits_before_it_takes_effect():
    world = World(limits=Limits(vote_wait=DAY, vote_delay=HOUR))
    proposal = proposed(world, tx.FillPool(10))
    for member in ("ada", "bob", "cleo"):
        world.did(member, tx.Vote(proposal, True))
    world.wait(HOUR - 10)
    assert stage(world, proposal) == "passed"
    ensure_refused(world, "dan", tx.Vote(proposal, False), no.WrongStage)
    world.wait(10)
    assert stage(world, proposal) == "effective"


def test_who_comes_later_does_not_vote():
    world = World()
    waiting = proposed(world, tx.FillPool(10))
    world.decide(admission())
    assert world.get(MEMBERS, "eve").roles == ("owner",)
    ensure_refused(world, "eve", tx.Vote(waiting, True), no.NotEligible)
    assert world.get(ELECTORATES, waiting).members == ("ada", "bob", "cleo", "dan")


def test_the_silent_and_the_suspended_are_not_asked():
    world = World()
    world.decide(tx.Suspend("dan"))
    world.wait(29 * DAY)
    world.did("ada", tx.Nudge())
    world.did("bob", tx.Nudge())
    world.wait(2 * DAY)
    proposal = proposed(world, tx.FillPool(10))
    assert world.get(ELECTORATES, proposal).members == ("ada", "bob")
    ensure_refused(world, "cleo", tx.Vote(proposal, True), no.NotEligible)
    ensure_refused(world, "dan", tx.Vote(proposal, True), no.Suspended)


@pytest.mark.parametrize(
    "change, missing",
    [
        (tx.Suspend("bob"), ("bob",)),
        (tx.SetRoles("bob", ()), ("bob",)),
        (tx.Mint("bob", 5), ("bob",)),
        (recovery("bob", "spare"), ("bob",)),
        (admission(), ()),
        (tx.FillPool(5), ()),
        (tx.Upgrade(2, 1_000), ()),
    ],
)
def test_the_subject_does_not_decide(change, missing):
    world = World()
    electorate = world.get(ELECTORATES, proposed(world, change)).members
    assert electorate == tuple(name for name in ("ada", "bob", "cleo", "dan") if name not in missing)


@pytest.mark.parametrize("later, asked", [(-1, True), (0, False)])
def test_dormant_begins_to_the_millisecond(later, asked):
    world = World()
    world.did("bob", tx.Nudge())
    world.time = world.get(ACCOUNTS, "bob").seen + 30 * DAY + later
    assert ("bob" in world.get(ELECTORATES, proposed(world, tx.FillPool(1))).members) == asked


def test_neither_side_decides_a_dispute():
    world = World()
    proposal = proposed(world, tx.Dispute(registered(world, "bob"), "ada"))
    assert world.get(ELECTORATES, proposal).members == ("cleo", "dan")


# --- what it changes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, notice",
    [
        (admission(roles=("worker", "owner")), say.MemberAdmitted("eve", ("owner", "worker"))),
        (tx.Suspend("bob"), say.MemberSuspended("bob")),
        (recovery("bob", "spare"), say.KeyReplaced("bob", key_of("spare").public, recovered=True)),
        (tx.SetRoles("bob", ("worker", "auditor")), say.RolesSet("bob", ("auditor", "worker"))),
        (tx.Mint("bob", 5), say.TokensIssued("bob", 5)),
    ],
)
def test_what_is_decided_is_said(change, notice):
    world = World()
    proposal = world.decide(change)
    told = type(change).__name__.lower()
    assert world.said[0] == say.ProposalMade(proposal, "ada", told)
    assert say.VoteCast(proposal, "cleo", True) in world.said
    assert world.said[-2:] == [notice, say.ProposalDecided(proposal, "effective")]


def test_a_reinstatement_is_said():
    world = World()
    world.decide(tx.Suspend("bob"))
    world.decide(tx.Reinstate("bob"))
    assert world.said[-2] == say.MemberReinstated("bob")


def test_an_admitted_member_acts():
    world = World()
    world.decide(admission(roles=("worker", "owner")))
    assert world.get(MEMBERS, "eve").roles == ("owner", "worker")
    assert world.get(CHAIN).members == 5
    world.did("ada", tx.Transfer("eve", 5))
    world.did("eve", tx.Transfer("ada", 5))


def test_suspension_takes_rights_and_reinstatement_returns_them():
    world = World()
    world.decide(tx.Suspend("dan"))
    ensure_refused(world, "dan", tx.Transfer("ada", 1), no.Suspended)
    assert world.balance("dan") == 1_000
    world.decide(tx.Reinstate("dan"))
    world.did("dan", tx.Transfer("ada", 1))


def test_recovery_replaces_the_key_and_drops_devices():
    world = World()
    phone = tx.AddDevice(key_of("phone").public, possession("bob", "phone"), world.time + DAY)
    world.did("bob", phone)
    world.decide(recovery("bob", "spare"))
    member = world.get(MEMBERS, "bob")
    assert (member.key, member.devices) == (key_of("spare").public, ())
    assert member.encryption_key == encryption_key_of("spare")
    for lost in ("bob", "phone"):
        assert world.does("bob", tx.Nudge(), signer=key_of(lost)).refusal == "NotYourKey"
    world.did("bob", tx.Nudge(), signer=key_of("spare"), number=2)


def test_roles_are_set_in_order():
    world = World()
    world.decide(tx.SetRoles("bob", ("worker", "auditor")))
    assert world.get(MEMBERS, "bob").roles == ("auditor", "worker")


def test_minting_counts_against_the_cap():
    world = World(cap=4_100)
    world.decide(tx.Mint("bob", 60))
    world.decide(tx.FillPool(40))
    assert world.get(ACCOUNTS, "bob").balance == 1_060
    assert (world.get(CHAIN).issued, world.get(CHAIN).pool) == (4_100, 40)
    ensure_refused(world, "ada", tx.Propose(tx.FillPool(1)), no.OverCap)


def test_an_upgrade_comes_at_its_height():
    world = World()
    height = world.height + 20
    world.decide(tx.Upgrade(2, height))
    assert (world.get(CHAIN).version, world.get(CHAIN).next_version) == (1, 2)
    while world.height < height - 1:
        world.wait(0)
    assert world.get(CHAIN).version == 1
    assert world.wait(0).notices == (say.RulesUpgraded(2),)
    assert (world.get(CHAIN).version, world.get(CHAIN).next_version) == (2, 0)


def test_a_dispute_moves_the_lineage_to_the_other_owner():
    world = World()
    unit = registered(world, "bob")
    world.decide(tx.Dispute(unit, "ada"), proposer="cleo")
    assert world.get(UNITS, unit).owner == "ada"
    assert world.get(LINEAGES, world.get(UNITS, unit).lineage).owner == "ada"


def test_a_dispute_reaches_a_withdrawn_unit():
    """Else a thief would withdraw at once, and the rows would stay claimed."""
    world = World()
    unit = registered(world, "bob")
    world.did("bob", tx.WithdrawUnit(unit))
    ensure_refused(world, "ada", described("factory"), no.AlreadyExists)
    world.decide(tx.Dispute(unit, "ada"))
    again = world.made("unit", "ada", described("factory", budget=None))
    assert world.get(UNITS, again).lineage == world.get(UNITS, unit).lineage


# --- what cannot take effect any more is void -------------------------------------------------------


@pytest.mark.parametrize(
    "first, second",
    [
        (admission("eve", "eve"), admission("eve", "other")),
        (admission("eve", "eve"), tx.Admit("finn", key_of("eve").public, possession("finn", "eve"),
                                           encryption_key_of("eve"), ())),
        (tx.Suspend("bob"), tx.Suspend("bob")),
        (recovery("bob", "spare"), recovery("bob", "spare")),
        (tx.FillPool(60), tx.Mint("bob", 50)),
        (tx.Upgrade(2, 1_000), tx.Upgrade(2, 2_000)),
    ],
)  # fmt: skip
def test_the_second_of_two_that_exclude_each_other_is_void(first, second):
    world = World(cap=4_100, limits=Limits(vote_wait=DAY, vote_delay=HOUR))
    proposals = [proposed(world, change) for change in (first, second)]
    for proposal in proposals:
        for member in ("ada", "cleo", "dan", "bob"):
            world.does(member, tx.Vote(proposal, True))
    world.wait(HOUR)
    assert [stage(world, proposal) for proposal in proposals] == ["effective", "void"]


def test_an_upgrade_to_a_height_that_has_passed_is_void():
    world = World()
    proposal = world.decide(tx.Upgrade(2, world.height + 2))
    assert stage(world, proposal) == "void"
    assert world.get(CHAIN).version == 1


# --- refusals of Propose ----------------------------------------------------------------------------


@refused(tx.Propose, no.NotEligible)
def test_nobody_else_is_there_to_decide():
    return World(founder("ada")), "ada", tx.Propose(tx.Mint("ada", 5))


@refused(tx.Propose, no.UnknownMember)
def test_a_change_to_a_stranger():
    return World(), "ada", tx.Propose(tx.Mint("eve", 5))


@pytest.mark.parametrize(
    "change", [tx.Suspend("eve"), tx.Reinstate("eve"), tx.SetRoles("eve", ()), recovery("eve", "eve")]
)
def test_every_change_to_a_stranger(change):
    ensure_refused(World(), "ada", tx.Propose(change), no.UnknownMember)


def test_a_dispute_for_a_stranger():
    world = World()
    ensure_refused(world, "ada", tx.Propose(tx.Dispute(registered(world), "eve")), no.UnknownMember)


@refused(tx.Propose, no.AlreadyExists)
def test_admitting_who_is_there():
    return World(), "ada", tx.Propose(admission("bob", "other"))


@refused(tx.Propose, no.KeyRefused)
def test_admitting_without_proof_of_the_key():
    change = tx.Admit("eve", key_of("eve").public, possession("bob", "eve"), encryption_key_of("eve"), ())
    return World(), "ada", tx.Propose(change)


@pytest.mark.parametrize("change", [admission(), recovery("bob", "spare")])
def test_an_encryption_key_that_hides_nothing(change):
    bent = replace(change, encryption_key=b"\x00" * 32)
    ensure_refused(World(), "ada", tx.Propose(bent), no.KeyRefused)


def test_admitting_with_a_role_twice():
    ensure_refused(World(), "ada", tx.Propose(admission(roles=("owner", "owner"))), no.OutOfRange)


@refused(tx.Propose, no.KeyRefused)
def test_recovering_to_a_key_in_use():
    return World(), "ada", tx.Propose(recovery("bob", "ada"))


@refused(tx.Propose, no.OverCap)
def test_minting_past_the_cap():
    return World(cap=4_010), "ada", tx.Propose(tx.Mint("bob", 11))


@refused(tx.Propose, no.UnknownRecord)
def test_a_dispute_about_nothing():
    return World(), "ada", tx.Propose(tx.Dispute("unit-" + "0" * 32, "bob"))


@refused(tx.Propose, no.OutOfRange)
def test_an_upgrade_that_skips_a_version():
    return World(), "ada", tx.Propose(tx.Upgrade(3, 1_000))


@refused(tx.Propose, no.OutOfRange)
def test_an_upgrade_at_once():
    world = World()
    world.wait(0)
    return world, "ada", tx.Propose(tx.Upgrade(2, world.height + 1))


@refused(tx.Propose, no.OutOfRange)
def test_a_role_twice():
    return World(), "ada", tx.Propose(tx.SetRoles("bob", ("owner", "owner")))


@refused(tx.Propose, no.WrongStage)
def test_suspending_the_suspended():
    world = World()
    world.decide(tx.Suspend("dan"))
    return world, "ada", tx.Propose(tx.Suspend("dan"))


@refused(tx.Propose, no.WrongStage)
def test_reinstating_the_active():
    return World(), "ada", tx.Propose(tx.Reinstate("bob"))


@refused(tx.Propose, no.WrongStage)
def test_a_dispute_in_favour_of_the_owner():
    world = World()
    return world, "ada", tx.Propose(tx.Dispute(registered(world, "bob"), "bob"))


@refused(tx.Propose, no.WrongStage)
def test_two_upgrades_at_once():
    world = World()
    world.decide(tx.Upgrade(2, 1_000))
    return world, "ada", tx.Propose(tx.Upgrade(2, 2_000))


# --- refusals of Vote -------------------------------------------------------------------------------


@refused(tx.Vote, no.UnknownRecord)
def test_a_vote_on_nothing():
    return World(), "ada", tx.Vote("proposal-" + "0" * 32, True)


@refused(tx.Vote, no.WrongStage)
def test_a_vote_after_the_decision():
    world = World()
    return world, "dan", tx.Vote(world.decide(tx.FillPool(1)), True)


@refused(tx.Vote, no.NotEligible)
def test_a_vote_on_oneself():
    world = World()
    return world, "bob", tx.Vote(proposed(world, tx.Suspend("bob")), False)


@refused(tx.Vote, no.AlreadyDone)
def test_a_second_vote():
    world = World()
    proposal = proposed(world, tx.FillPool(1))
    world.did("bob", tx.Vote(proposal, True))
    return world, "bob", tx.Vote(proposal, False)


def test_a_vote_at_the_deadline_is_late_even_before_the_queue_was_served():
    """More can be due than one block serves; a late vote does not count meanwhile."""
    world = World(limits=Limits(vote_wait=DAY, due_limit=1))
    proposals = [proposed(world, tx.FillPool(1)) for _ in range(3)]
    world.time = world.get(PROPOSALS, proposals[-1]).deadline
    receipts = world.block(*(world.sealed("bob", tx.Vote(proposal, True)) for proposal in proposals)).receipts
    assert [receipt.refusal for receipt in receipts] == ["WrongStage"] * 3
    assert [stage(world, proposal) for proposal in proposals] == ["lapsed", "open", "open"]


def test_every_role_can_be_given():
    world = World()
    world.decide(tx.SetRoles("bob", ROLES[::-1]))
    assert world.get(MEMBERS, "bob").roles == ROLES
