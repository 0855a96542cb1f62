"""The block: its limits, what a refusal and a defect cost, and what comes due before it."""

import pytest
from msgspec.structs import replace

from tallystick.ledger import notices as say
from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import transactions as tx
from tallystick.ledger import transition
from tallystick.ledger.genesis import Limits
from tallystick.ledger.handlers import HANDLERS, WEIGHTS
from tallystick.ledger.state import ACCOUNTS, CHAIN, DUE, MEMBERS
from tallystick.ledger.transactions import unseal
from tallystick.ledger.transition import SERVED_BY, Block, apply_block, check, next_deadline
from tests.ledger import story
from tests.ledger.world import CHAIN as NAME
from tests.ledger.world import DAY, HOUR, START, World, founder, key_of

PAY = tx.Transfer("bob", 1)


# --- limits -------------------------------------------------------------------------------------------


HEAVIEST = max(WEIGHTS.values())  # no limit may be below
TRANSFERS = HEAVIEST // WEIGHTS[tx.Transfer]  # so many fill that


def test_a_members_quota():
    world = World(limits=Limits(block_weight=1_000, member_weight=HEAVIEST + 1))
    receipts = world.block(
        *(world.sealed("ada", PAY) for _ in range(TRANSFERS + 2)), world.sealed("cleo", PAY)
    ).receipts
    assert [receipt.refusal for receipt in receipts] == [""] * TRANSFERS + ["OverQuota"] * 2 + [""]
    assert world.get(ACCOUNTS, "ada").low == TRANSFERS


def test_a_refused_transaction_counts_against_the_quota():
    world = World(limits=Limits(block_weight=1_000, member_weight=HEAVIEST))
    refused = [world.sealed("ada", tx.Transfer("ada", 1)) for _ in range(TRANSFERS + 10)]
    refusals = [receipt.refusal for receipt in world.block(*refused).receipts]
    assert set(refusals[:TRANSFERS]) == {"SelfDealing"} and set(refusals[TRANSFERS:]) == {"OverQuota"}


def test_a_forged_transaction_does_not_count_against_the_quota():
    world = World(limits=Limits(block_weight=1_000, member_weight=HEAVIEST))
    forged = [world.sealed("ada", PAY, number=number, signer=key_of("bob")) for number in range(250)]
    receipts = world.block(*forged, world.sealed("ada", PAY)).receipts
    assert receipts[-1].code == 0


def test_a_full_block():
    world = World(limits=Limits(block_weight=HEAVIEST + 10, member_weight=HEAVIEST))
    half = TRANSFERS // 2 + 10
    receipts = world.block(
        *(world.sealed(name, PAY) for name in ("ada", "cleo") for _ in range(half))
    ).receipts
    refusals = [receipt.refusal for receipt in receipts]
    assert refusals == [""] * (TRANSFERS + 5) + ["BlockFull"] * (2 * half - TRANSFERS - 5)
    low = world.get(ACCOUNTS, "cleo").low
    assert world.block(world.sealed("cleo", PAY, number=low)).receipts[0].code == 0


def test_the_weight_is_told():
    world = World()
    assert world.block(world.sealed("ada", PAY), b"junk").weight == WEIGHTS[tx.Transfer]


def test_one_receipt_for_each_transaction():
    world = World()
    receipts = world.block(
        b"", world.sealed("ada", PAY), b"junk", world.sealed("ada", tx.Transfer("ada", 1))
    ).receipts
    assert [receipt.code for receipt in receipts] == [1, 0, 1, no.SelfDealing.code]
    assert len({receipt.digest() for receipt in receipts}) == 4


# --- refusals and defects -----------------------------------------------------------------------------


def test_a_refused_transaction_uses_its_number_and_shows_that_the_member_is_there():
    world = World()
    world.wait(DAY)
    data = world.sealed("ada", tx.Transfer("ada", 1))
    outcome = world.block(data)
    assert list(outcome.writes) == [b"account/ada"]
    account = world.get(ACCOUNTS, "ada")
    assert (account.low, account.balance, account.seen) == (1, 1_000, world.time - 1)
    assert world.block(data).receipts[0].refusal == "NumberUsed"


def test_what_a_handler_wrote_before_it_refused_is_forgotten(monkeypatch):
    """Handlers check first; one that does not still leaves nothing half done."""
    world = World()

    def hasty(draft, body):
        draft.put(ACCOUNTS, replace(draft.get(ACCOUNTS, "bob"), balance=10**9), "bob")
        draft.emit(say.TokensMoved("ada", "bob", 10**9))
        raise no.SelfDealing(member="ada", deed="do this")

    monkeypatch.setitem(HANDLERS, tx.Transfer, hasty)
    outcome = world.block(world.sealed("ada", PAY), world.sealed("ada", tx.Report(b"\x01" * 32)))
    assert [receipt.refusal for receipt in outcome.receipts] == ["SelfDealing", ""]
    assert outcome.receipts[1].notices == (say.SoftwareReported("ada", b"\x01" * 32),)
    assert outcome.receipts[0].notices == ()
    assert world.balance("bob") == 1_000


FAULTS = [ArithmeticError, ZeroDivisionError, ValueError, KeyError, IndexError, TypeError, OverflowError]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_defect_has_no_effect_and_raises_an_alarm(fault, monkeypatch):
    world = World()

    def defective(draft, body):
        draft.put(ACCOUNTS, replace(draft.get(ACCOUNTS, "bob"), balance=10**9), "bob")
        draft.emit(say.TokensMoved("ada", "bob", 10**9))
        raise fault("planted")

    monkeypatch.setitem(HANDLERS, tx.Transfer, defective)
    outcome = world.block(world.sealed("ada", PAY), world.sealed("ada", tx.Report(b"\x01" * 32)))
    receipt, after = outcome.receipts
    assert (receipt.refusal, receipt.code) == ("Internal", 99)
    assert after.code == 0
    assert world.balance("bob") == 1_000
    assert world.get(ACCOUNTS, "ada").low == 2
    assert say.Alarm(fault.__name__) in (*outcome.notices, *receipt.notices)


@pytest.mark.parametrize("fault", [MemoryError, RecursionError, OSError])
def test_what_is_wrong_with_the_machine_stops_the_process(fault, monkeypatch):
    world = World()

    def failing(draft, body):
        raise fault

    monkeypatch.setitem(HANDLERS, tx.Transfer, failing)
    with pytest.raises(fault):
        world.block(world.sealed("ada", PAY))


def test_a_defect_in_what_came_due_ends_the_request_with_its_money_back(monkeypatch):
    world = World()
    name = story.posted(world)

    def defective(draft, of):
        draft.put(ACCOUNTS, replace(draft.get(ACCOUNTS, "bob"), balance=10**9), "bob")
        raise KeyError(of)

    monkeypatch.setitem(SERVED_BY, "forming", defective)
    outcome = world.wait(HOUR)
    assert any(isinstance(notice, say.Alarm) for notice in outcome.notices)
    assert story.progress(world, name).stage == "refunded"
    assert world.balance("dan") == world.balance("bob") == 1_000


def test_a_defect_in_a_vote_that_came_due_voids_it(monkeypatch):
    """Else it would stay open for ever with nothing that ends it."""
    world = World()
    proposal = world.made("proposal", "ada", tx.Propose(tx.FillPool(1)))

    def defective(draft, of):
        raise KeyError(of)

    monkeypatch.setitem(SERVED_BY, "proposal", defective)
    world.wait(DAY)
    assert say.ProposalDecided(proposal, "void") in world.said


# --- the due-queue ------------------------------------------------------------------------------------


def test_what_is_due_comes_before_the_transactions():
    world = World()
    proposal = world.made("proposal", "ada", tx.Propose(tx.FillPool(1)))
    world.time += DAY
    outcome = world.block(world.sealed("ada", tx.Vote(proposal, True)))
    assert outcome.notices == (say.ProposalDecided(proposal, "lapsed"),)
    assert outcome.receipts[0].refusal == "WrongStage"


def test_a_block_serves_a_bounded_number_of_entries_and_the_next_the_rest():
    world = World(limits=Limits(vote_wait=DAY, due_limit=2))
    for _ in range(5):
        world.did("ada", tx.Propose(tx.FillPool(1)))
    served = [len(world.wait(DAY).notices), len(world.wait(0).notices), len(world.wait(0).notices)]
    assert served == [2, 2, 1]


def test_the_next_deadline_is_the_earliest():
    world = World()
    assert next_deadline(world.reader) is None
    name = story.posted(world)
    world.did("ada", tx.Propose(tx.FillPool(1)))
    assert next_deadline(world.reader) == story.progress(world, name).deadline
    assert len(world.scan(DUE)) == 2


def test_an_entry_that_another_took_back_in_the_same_block_is_not_served():
    """The last phase and the time for the rounds end together: the request ends once."""
    world = World()
    rules = story.charged(rounds=1)
    play = story.formed(world, replace(rules, stopping=ru.Stopping(1, HOUR)))
    opened = play.open_phase()
    assert opened is not None and opened[0].deadline == play.progress().until
    world.time = play.progress().until
    ended = [notice for notice in world.block().notices if isinstance(notice, say.RequestEnded)]
    assert len(ended) == 1


def test_the_ledger_needs_no_more_than_its_reader():
    """A block in an empty place is a defect, not a guess."""
    with pytest.raises(LookupError):
        apply_block(EMPTY, [], Block(NAME, 1, START))


class Nothing:
    def get(self, key: bytes) -> bytes | None:
        return None

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        return []


EMPTY = Nothing()


def test_a_block_changes_nothing_in_place():
    world = World(founder("ada"), founder("bob"))
    before = dict(world.reader.records)
    outcome = apply_block(world.reader, [world.sealed("ada", PAY)], world.at())
    assert world.reader.records == before
    assert set(outcome.writes) == {b"account/ada", b"account/bob"}
    assert world.get(MEMBERS, "ada").active and world.get(CHAIN).issued == 2_000


# --- decoded once ---------------------------------------------------------------------------------------


def test_what_is_unsealed_is_not_decoded_again(monkeypatch):
    world = World()
    data = world.sealed("ada", tx.Transfer("bob", 1))
    unsealed = unseal(data)
    plain = (check(world.reader, data, world.at()), apply_block(world.reader, [data], world.at()))
    monkeypatch.setattr(transition, "unseal", None)
    assert check(world.reader, unsealed, world.at()) == plain[0]
    assert apply_block(world.reader, [unsealed], world.at()) == plain[1]
    with pytest.raises(TypeError):
        check(world.reader, data, world.at())


def test_what_is_no_transaction_is_refused_for_its_flaw():
    world = World()
    unsealed = unseal(b"nothing")
    assert unsealed.envelope is None and unsealed.flaw
    receipt = check(world.reader, unsealed, world.at())
    assert (receipt.code, unsealed.flaw in receipt.detail) == (no.MalformedTransaction.code, True)
    assert apply_block(world.reader, [unsealed], world.at()).receipts == [receipt]
