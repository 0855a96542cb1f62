"""The transition: serve what is due, then each transaction in order; one receipt each, nothing half done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..base import keys
from ..base.codec import Record, encode
from ..base.ids import digest
from . import due
from . import rejections as no
from .chains import arrivals, validators
from .handlers import DEVICE_KINDS, HANDLERS, WEIGHTS, votes
from .notices import Alarm, Notice, ValidatorsChanged
from .records import Account, Chain, Member
from .rejections import Refusal
from .requests import elections, forming, live, rounds, settlement
from .state import ACCOUNTS, CHAIN, MEMBERS, PROGRESS, VALIDATORS, Draft, Reader
from .transactions import (
    FORMAT,
    NUMBER_WINDOW,
    Envelope,
    Unsealed,
    unseal,
)

RULES_VERSION = 1  # the newest rules that this program can execute
WHOLE_BLOCK = ""  # no member's id: the weight of all together
Verify = Callable[[bytes, bytes, bytes], bool]  # public key, message, signature


SERVED_BY: dict[str, due.Serve] = {
    "forming": forming.forming_due,
    "phase": rounds.phase_due,
    "time": rounds.time_due,
    "record": elections.no_record,
    "approve": elections.decide,
    "test": elections.test_unopened,
    "certify": elections.certify,
    "proposal": votes.serve_proposal,
    "validators": validators.serve,
    "overdue": arrivals.overdue,
}


def _give_up(draft: Draft, of: str, *, step: str) -> None:
    """A due entry met a defect of the ledger: its request ends and the money goes back; its vote is void."""
    if step == "proposal":
        votes.void_proposal(draft, of)
    elif draft.get(PROGRESS, of).stage == "away":
        arrivals.give_up(draft, of, "internal fault")
    elif draft.get(PROGRESS, of).stage in live.LIVE:
        settlement.refund(draft, of, "internal fault")


class Block(Record):
    """Where a transaction runs: the chain, the height and the block's time in milliseconds."""

    chain: str
    height: int
    time: int


class Receipt(Record):
    """What became of a transaction."""

    transaction: bytes
    code: int
    refusal: str = ""
    detail: str = ""
    member: str = ""
    kind: str = ""
    notices: tuple[Notice, ...] = ()

    def digest(self) -> bytes:
        """What the block's results commit to."""
        return digest(b"receipt", encode(self))


@dataclass(frozen=True)
class ExecutedBlock:
    """What a block did: writes for the engine, a receipt for each transaction, notices of what came due."""

    writes: dict[bytes, bytes | None]
    receipts: list[Receipt]
    notices: tuple[Notice, ...]
    weight: int


def apply_block(
    reader: Reader, transactions: Sequence[Unsealed | bytes], block: Block, verify: Verify = keys.verify
) -> ExecutedBlock:
    """Apply a block: due entries first, then every transaction; the writes are of the whole block."""
    draft = Draft(reader, block.chain, block.height, block.time)
    due.serve(draft, SERVED_BY, _give_up)
    served = len(draft.notices)
    quota: dict[str, int] = {}
    receipts = [_apply_one(draft, given, quota, verify) for given in transactions]
    validators.follow(draft)
    after = [notice for notice in draft.notices[served:] if isinstance(notice, Alarm | ValidatorsChanged)]
    notices = (*draft.notices[:served], *after)
    return ExecutedBlock(draft.writes(), receipts, notices, quota.get(WHOLE_BLOCK, 0))


def apply(
    reader: Reader, transaction: Unsealed | bytes, block: Block, verify: Verify = keys.verify
) -> tuple[dict[bytes, bytes | None], Receipt]:
    """Apply one transaction by itself: what it writes, and its receipt."""
    draft = Draft(reader, block.chain, block.height, block.time)
    receipt = _apply_one(draft, transaction, {}, verify)
    return draft.writes(), receipt


def check(
    reader: Reader, transaction: Unsealed | bytes, block: Block, verify: Verify = keys.verify
) -> Receipt:
    """Whether a transaction is authentic, its sender may act, and a block may hold it: before a proposal."""
    draft = Draft(reader, block.chain, block.height, block.time)
    unsealed = _unsealed(transaction)
    try:
        envelope = _envelope(unsealed)
        _, member = _authenticate(draft, envelope, unsealed, {}, verify)
        _permit(envelope, member)
    except Refusal as refusal:
        return _refused(unsealed.name, refusal, "", "")
    return Receipt(unsealed.name, 0, member=envelope.member, kind=_kind(envelope))


def rules_in_force(reader: Reader, height: int) -> int:
    """The version of the rules by which a block of this height must be executed."""
    chain = find_chain(reader)
    upgraded = chain.next_version and height >= chain.upgrade_height
    return chain.next_version if upgraded else chain.version


def find_chain(reader: Reader) -> Chain:
    """The chain's own figures."""
    data = reader.get(CHAIN.key().encode())
    if data is None:
        raise LookupError("this state has no chain record; it was never begun")
    return CHAIN.decode(data)


def find_validators(reader: Reader) -> tuple[bytes, ...]:
    """The keys that vote on blocks; none where the members' roles do not decide it."""
    data = reader.get(VALIDATORS.key().encode())
    return () if data is None else VALIDATORS.decode(data).keys


def next_deadline(reader: Reader) -> int | None:
    """When the earliest entry of the due-queue comes due, or None."""
    entries = reader.scan(b"due/", 1)
    return int(entries[0][0].split(b"/")[1]) if entries else None


def _apply_one(draft: Draft, given: Unsealed | bytes, quota: dict[str, int], verify: Verify) -> Receipt:
    unsealed = _unsealed(given)
    name = unsealed.name
    try:
        envelope = _envelope(unsealed)
        account, member = _authenticate(draft, envelope, unsealed, quota, verify)
    except Refusal as refusal:
        return _refused(name, refusal, "", "")
    for counted in (envelope.member, WHOLE_BLOCK):
        quota[counted] = quota.get(counted, 0) + WEIGHTS[type(envelope.body)]
    draft.put(ACCOUNTS, _number_used(account, envelope.number, draft.time), envelope.member)
    draft.keep()
    before = len(draft.notices)
    draft.sender, draft.number = envelope.member, envelope.number
    try:
        _permit(envelope, member)
        HANDLERS[type(envelope.body)](draft, envelope.body)
    except Refusal as refusal:
        draft.drop(before)
        return _refused(name, refusal, envelope.member, _kind(envelope))
    except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError) as fault:
        draft.drop(before)
        draft.emit(Alarm(type(fault).__name__))
        internal = no.Internal(fault=type(fault).__name__)
        return _refused(name, internal, envelope.member, _kind(envelope))
    notices = tuple(draft.notices[before:])
    draft.keep()
    return Receipt(name, 0, member=envelope.member, kind=_kind(envelope), notices=notices)


def _unsealed(given: Unsealed | bytes) -> Unsealed:
    return given if isinstance(given, Unsealed) else unseal(given)


def _envelope(unsealed: Unsealed) -> Envelope:
    if unsealed.envelope is None:
        raise no.MalformedTransaction(reason=unsealed.flaw)
    return unsealed.envelope


def _authenticate(
    draft: Draft, envelope: Envelope, unsealed: Unsealed, quota: dict[str, int], verify: Verify
) -> tuple[Account, Member]:
    """Everything that must hold before a transaction leaves a trace; plain tests, as each passes here."""
    known = draft.find(MEMBERS, envelope.member)
    if envelope.version != FORMAT:
        raise no.UnknownVersion(version=envelope.version)
    if envelope.chain != draft.chain:
        raise no.WrongChain(chain=envelope.chain, expected=draft.chain)
    if not draft.time < envelope.valid_until:
        raise no.Expired(until=envelope.valid_until, time=draft.time)
    if known is None:
        raise no.UnknownMember(member=envelope.member)
    if not _owns(known, envelope.signer, draft.time):
        raise no.NotYourKey(member=known.member)
    account, number = draft.get(ACCOUNTS, known.member), envelope.number
    if number < account.low or number in account.ahead:
        raise no.NumberUsed(number=number, member=known.member, low=account.low)
    if not number < account.low + NUMBER_WINDOW:
        raise no.NumberTooFar(number=number, member=known.member, low=account.low)
    _within_limits(draft.get(CHAIN), envelope, quota)
    if not verify(envelope.signer, unsealed.message, unsealed.signature):
        raise no.BadSignature()
    return account, known


def _within_limits(chain: Chain, envelope: Envelope, quota: dict[str, int]) -> None:
    weight = WEIGHTS[type(envelope.body)]
    used, total = quota.get(envelope.member, 0), quota.get(WHOLE_BLOCK, 0)
    if not used + weight <= chain.member_weight:
        raise no.OverQuota(member=envelope.member, weight=used, limit=chain.member_weight)
    if not total + weight <= chain.block_weight:
        raise no.BlockFull(limit=chain.block_weight)


def _owns(member: Member, key: bytes, time: int) -> bool:
    return key == member.key or any(device.key == key and time < device.until for device in member.devices)


def _number_used(account: Account, number: int, time: int) -> Account:
    """The account after this number: the window moves on over every number that is used."""
    if number == account.low and not account.ahead:
        return Account(account.balance, account.credit, number + 1, (), time)
    ahead = sorted((*account.ahead, number))
    low = account.low
    while ahead and ahead[0] == low:
        low += 1
        del ahead[0]
    return Account(account.balance, account.credit, low, tuple(ahead), time)


def _permit(envelope: Envelope, member: Member) -> None:
    if not member.active:
        raise no.Suspended(member=member.member)
    by_device = envelope.signer != member.key
    if by_device and type(envelope.body) not in DEVICE_KINDS:
        raise no.DeviceMayNot(kind=_kind(envelope))


def _kind(envelope: Envelope) -> str:
    return type(envelope.body).__name__.lower()


def _refused(name: bytes, refusal: Refusal, member: str, kind: str) -> Receipt:
    return Receipt(name, refusal.code, refusal.name, str(refusal), member, kind)
