"""Check a ledger while holding only a header: CometBFT 0.38 headers, commits and proofs.

It needs `wire.py` beside it, the standard library and PyNaCl, nothing else; copy both where you like. Both
engines write these bytes (CometBFT spec, core/data_structures and core/encoding); a header is trusted by the
rules of its light client (light/verifier.go): adjacent, or skipping when more than 1/3 of the trusted power
signed.
Every check returns, or raises `NotProven`. Times are nanoseconds since 1970.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple, TypeVar

from nacl.bindings import crypto_sign_open
from nacl.exceptions import CryptoError

from . import wire
from .wire import BYTES, INT, TEXT

EMPTY: Final = sha256(b"").digest()  # the root of no leaves
NO_TIME: Final = -62_135_596_800 * 10**9  # the year 1: CometBFT's time where there is none
ABSENT, COMMITTED, NIL = 1, 2, 3  # a vote's flag
BLOCK_PROTOCOL, PART_BYTES, DRIFT = 11, 65_536, 10 * 10**9
BESIDE: Final = 15 * 32  # bytes beside the path in each of the state tree's four 16-ary levels
Validators = Sequence["Validator"]
Value = TypeVar("Value")


class NotProven(Exception):
    """What was claimed does not follow from what is trusted; the message says why."""


class BlockId(NamedTuple):
    """A block's name: the hash of its header, and the number and root of the parts it was sent in."""

    hash: bytes = b""
    parts: tuple[int, bytes] = (0, b"")


class Header(NamedTuple):
    """What validators sign; `app_hash` and `last_results_hash` speak of the state after the block before."""

    version: tuple[int, int]  # of the block format, of the application's rules
    chain: str
    height: int
    time: int
    last_block: BlockId
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes
    proposer: bytes


class CommitVote(NamedTuple):
    """One validator's place in a commit."""

    flag: int = ABSENT
    validator: bytes = b""
    time: int = NO_TIME
    signature: bytes = b""


class Commit(NamedTuple):
    """The votes that made a block final, in the order of its validators."""

    height: int = 0
    round: int = 0
    block: BlockId = BlockId()
    votes: tuple[CommitVote, ...] = ()


class Validator(NamedTuple):
    """An Ed25519 key and its voting power."""

    public: bytes
    power: int


class SignedHeader(NamedTuple):
    """A header with its commit and the validators of its height: all that a check of it needs."""

    header: Header
    commit: Commit
    validators: tuple[Validator, ...]


class WholeBlock(NamedTuple):
    """A whole block, as it is sent and stored."""

    header: Header
    transactions: tuple[bytes, ...]
    evidence: tuple[bytes, ...]
    last_commit: Commit


class Path(NamedTuple):
    """A Merkle proof: which leaf of how many, and the digests beside its way to the root, lowest first."""

    place: int
    total: int
    digests: Sequence[bytes]


class Result(NamedTuple):
    """The part of a transaction's result that the next header commits to; `data` is its receipt's digest."""

    code: int = 0
    data: bytes = b""
    gas_wanted: int = 0
    gas_used: int = 0


# Bytes: protobuf as CometBFT writes it


class CometMessage(wire.Message[Value]):
    """A message of CometBFT's: bytes that are not in its one valid form prove nothing."""

    refusal = NotProven


SCALARS = {
    kind: CometMessage(kind, lambda it: it, kind, split=lambda it: (it,)) for kind in (INT, BYTES, TEXT)
}
TIME = CometMessage("time", lambda s, n: s * 10**9 + n, INT, INT, split=lambda time: divmod(time, 10**9))
VERSION = CometMessage("version", lambda *version: version, INT, INT)
PARTS = CometMessage("part set header", lambda *parts: parts, INT, BYTES)
BLOCK_ID = CometMessage("block id", BlockId, BYTES, PARTS)
HEADER = CometMessage("header", Header, VERSION, TEXT, INT, TIME, BLOCK_ID, *[BYTES] * 9)
VOTE = CometMessage("vote", CommitVote, INT, BYTES, TIME, BYTES)
COMMIT = CometMessage("commit", Commit, INT, INT, BLOCK_ID, [VOTE])
VALIDATOR = CometMessage("validator", Validator, SCALARS[BYTES], INT)
SIGNED_HEADER = CometMessage("signed header", SignedHeader, HEADER, COMMIT, [VALIDATOR])
ITEMS = CometMessage("list", lambda items: items, [BYTES], split=lambda items: (items,))
BLOCK = CometMessage("block", WholeBlock, HEADER, ITEMS, ITEMS, COMMIT)


def sign_bytes(chain: str, height: int, round: int, block: BlockId, time: int, kind: int = 2) -> bytes:
    """What a validator signs to vote for a block; kind 2 is the vote that commits."""
    fixed = [(b"\x11", height), (b"\x19", round)]
    numbers = b"".join(tag + number.to_bytes(8, "little", signed=True) for tag, number in fixed if number)
    target = wire.delimited(4, BLOCK_ID.encode(block)) if block != BlockId() else b""
    rest = wire.delimited(5, TIME.encode(time)) + (wire.delimited(6, chain.encode()) if chain else b"")
    body = wire.integer(1, kind) + numbers + target + rest
    return wire.number(len(body)) + body


def result_bytes(result: Result) -> bytes:
    code, data, gas_wanted, gas_used = result
    start = wire.integer(1, code) + (wire.delimited(2, data) if data else b"")
    return start + wire.integer(5, gas_wanted) + wire.integer(6, gas_used)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, over the leaves in their order."""
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + a + b).digest() for a, b in pairs] + level[len(level) & -2 :]
    return level[0] if level else EMPTY


def header_hash(header: Header) -> bytes:
    fields = zip(HEADER.kinds, header, strict=True)
    return merkle_root([SCALARS.get(kind, kind).encode(value) for kind, value in fields])


def validators_hash(validators: Validators) -> bytes:
    return merkle_root([VALIDATOR.encode(validator) for validator in validators])


def commit_hash(commit: Commit) -> bytes:
    return merkle_root([VOTE.encode(vote) for vote in commit.votes])


def data_hash(transactions: Sequence[bytes]) -> bytes:
    return merkle_root([sha256(transaction).digest() for transaction in transactions])


def results_hash(results: Sequence[Result]) -> bytes:
    return merkle_root([result_bytes(result) for result in results])


def consensus_hash(max_bytes: int, max_gas: int) -> bytes:
    return sha256(wire.integer(1, max_bytes) + wire.integer(2, max_gas)).digest()


def block_id(block: WholeBlock) -> BlockId:
    data = BLOCK.encode(block)
    parts = [data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES)]
    return BlockId(header_hash(block.header), (len(parts), merkle_root(parts)))


def address(public: bytes) -> bytes:
    return sha256(public).digest()[:20]


def _ensure(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotProven(otherwise)


def verify_header(
    trusted: Header, signed: SignedHeader, *, now: int, trusting_period: int, announced: Validators = ()
) -> None:
    """That `signed` follows from `trusted`; with a gap, that one's `announced` validators are needed."""
    header, at = signed.header, f"header {signed.header.height}"
    _ensure(trusted.time + trusting_period > now, f"header {trusted.height} is too old to be trusted")
    _ensure(header.height > trusted.height, f"{at} does not come after header {trusted.height}")
    _ensure(header.time > trusted.time, f"{at} is not later than header {trusted.height}")
    _ensure(header.time < now + DRIFT, f"{at} comes from the future")
    adjacent = header.height == trusted.height + 1
    named = header.validators_hash if adjacent else validators_hash(announced)
    _ensure(named == trusted.next_validators_hash, f"header {trusted.height} announced other validators")
    if adjacent:
        verify_previous(header, trusted)
    else:
        _ensure_power(trusted.chain, announced, signed.commit, 1)
    verify_signed(trusted.chain, signed)


def verify_signed(chain: str, signed: SignedHeader) -> None:
    """That more than 2/3 of the power of the validators that the header names signed it."""
    header, commit, validators = signed
    at = f"header {header.height}"
    _ensure(header.chain == chain, f"{at} is of chain {header.chain!r}, not {chain!r}")
    _ensure(header.version[0] == BLOCK_PROTOCOL, f"{at} has block format {header.version[0]}")
    _ensure(header.validators_hash == validators_hash(validators), f"{at} names other validators")
    verify_commit(chain, validators, BlockId(header_hash(header), commit.block.parts), header.height, commit)


def verify_previous(trusted: Header, previous: Header) -> None:
    """That `previous` is the block on which the trusted header stands; this walks back to the first."""
    linked = trusted.height == previous.height + 1 and trusted.last_block.hash == header_hash(previous)
    _ensure(linked, f"header {trusted.height} does not stand on this header {previous.height}")


def verify_commit(chain: str, validators: Validators, block: BlockId, height: int, commit: Commit) -> None:
    """That more than 2/3 of the validators' power signed this block at this height."""
    votes = commit.votes
    _ensure(commit.height == height, f"the commit is of height {commit.height}, not {height}")
    _ensure(commit.block == block, f"the commit at height {height} is for another block")
    _ensure(len(votes) == len(validators), f"{len(votes)} votes for {len(validators)} validators")
    for validator, vote in zip(validators, votes, strict=True):
        own = vote.flag != COMMITTED or vote.validator == address(validator.public)
        _ensure(own, f"a vote at height {height} stands in another validator's place")
    _ensure_power(chain, validators, commit, 2)


def _ensure_power(chain: str, validators: Validators, commit: Commit, thirds: int) -> None:
    """That more than `thirds` thirds of these validators' power is behind the commit; each counts once."""
    known = {address(validator.public): validator for validator in validators}
    total, signed = sum(validator.power for validator in validators), 0
    sound = len(known) == len(validators) and all(validator.power > 0 for validator in validators)
    _ensure(sound and total < 2**60, "a validator stands twice, or a power is out of range")
    for vote in commit.votes:
        validator = known.pop(vote.validator, None) if vote.flag == COMMITTED else None
        if validator is None:
            continue
        try:
            _ensure(len(vote.signature) == 64, "a signature has 64 bytes")
            message = sign_bytes(chain, commit.height, commit.round, commit.block, vote.time)
            crypto_sign_open(vote.signature + message, validator.public)
        except (CryptoError, ValueError, TypeError, OverflowError):
            raise NotProven(f"the signature of validator {vote.validator.hex()} is wrong") from None
        signed += validator.power
        if 3 * signed > thirds * total:
            return
    raise NotProven(f"{signed} of {total} power signed height {commit.height}; over {thirds}/3 is needed")


def verify_state_proof(header_next: Header, key: bytes, value: bytes | None, proof: bytes) -> None:
    """That after the block before `header_next` the state held `value` under `key` (None: nothing)."""
    name, path, bucket = sha256(key).digest(), proof[: 4 * BESIDE], proof[4 * BESIDE :]
    _ensure(len(path) == 4 * BESIDE, "the state proof is cut short")
    digest, place = sha256(b"\x00" + bucket).digest(), int.from_bytes(name[:2], "big")
    for start in range(0, len(path), BESIDE):
        own = start + place % 16 * 32
        digest = sha256(b"\x01" + path[start:own] + digest + path[own : start + BESIDE]).digest()
        place //= 16
    _ensure(digest == header_next.app_hash, f"the state proof does not lead to header {header_next.height}")
    held = {bucket[at : at + 32]: bucket[at + 32 : at + 64] for at in range(0, len(bucket), 64)}
    claimed = None if value is None else sha256(value).digest()
    _ensure(held.get(name) == claimed, f"the state holds {'another' if name in held else 'no'} value there")


def verify_transaction(header: Header, transaction: bytes, path: Path) -> None:
    """That the block of `header` holds this transaction."""
    holds = _root_by(sha256(transaction).digest(), path) == header.data_hash
    _ensure(holds, f"it is not proven that block {header.height} holds this transaction")


def verify_result(header_next: Header, result: Result, path: Path) -> None:
    """That the block before `header_next` has this result."""
    holds = _root_by(result_bytes(result), path) == header_next.last_results_hash
    _ensure(holds, f"it is not proven that header {header_next.height} confirms this result")


def verify_receipt(
    header: Header, header_next: Header, transaction: bytes, result: Result, paths: tuple[Path, Path]
) -> None:
    """That this block holds the transaction and gave it this result; the paths are those of the two."""
    verify_previous(header_next, header)
    _ensure(paths[0][:2] == paths[1][:2], "the result is that of another transaction")
    verify_transaction(header, transaction, paths[0])
    verify_result(header_next, result, paths[1])


def _root_by(leaf: bytes, path: Path) -> bytes | None:
    """The root to which the path leads from the leaf, if it is of the right shape."""
    index, last, beside = path.place, path.total - 1, list(path.digests)
    if not 0 <= index <= last:
        return None
    digest = sha256(b"\x00" + leaf).digest()
    while last:
        if index & 1 or index < last:
            other = beside.pop(0) if beside else b""
            digest = sha256(b"\x01" + (other + digest if index & 1 else digest + other)).digest()
        index, last = index >> 1, last >> 1
    return None if beside else digest
