"""How a ledger begins: its members, tokens and limits, as people write them in TOML, and the first state."""

import re
from itertools import pairwise
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import fields

from ..base import keys, toml
from ..base.codec import Decoder, Malformed, Record, encode, misfit
from ..base.ids import Millis, Name, PublicKey, Role, Time, Tokens
from .chains.trust import first_view
from .handlers import WEIGHTS
from .handlers.members import ensure_encryption_key
from .records import Account, Chain, KeyUse, Member, ValidatorKey, Validators
from .rejections import KeyRefused
from .state import ACCOUNTS, CHAIN, KEYS, MEMBERS, OTHER_CHAINS, TABLES, VALIDATOR_KEYS, VALIDATORS
from .transactions import ChainTerms
from .transactions.changes import Roles

Wait = Annotated[int, Meta(ge=1, le=10**12)]
Weight = Annotated[int, Meta(ge=1, le=10**7)]


class GenesisError(Exception):
    """This is not the beginning of a ledger; the message says what is wrong and where."""


class Founder(Record):
    """A member that is there from the start."""

    member: Name
    key: PublicKey
    encryption_key: PublicKey
    roles: Roles = ()
    balance: Tokens = 0
    validator: Annotated[bytes, Meta(max_length=32)] = b""  # the key with which its node votes on blocks


class Limits(Record):
    """Times in milliseconds, work in the weights of the transactions."""

    vote_wait: Wait = 7 * 86_400_000
    vote_delay: Millis = 0
    dormant_after: Wait = 90 * 86_400_000
    block_weight: Weight = 20_000
    member_weight: Weight = 5_000
    due_limit: Annotated[int, Meta(ge=1, le=10_000)] = 256


class Readable(Record):
    """Which roles may read a kind of record; kinds that are not named are open to every member."""

    kind: Name
    roles: Roles


class Genesis(Record):
    """All that a ledger begins with."""

    chain: Name
    time: Time
    cap: Tokens
    members: Annotated[tuple[Founder, ...], Meta(min_length=1)]
    pool: Tokens = 0
    limits: Limits = Limits()
    readers: tuple[Readable, ...] = ()
    validators: tuple[PublicKey, ...] = ()  # who signs the blocks, where it is not the members' nodes
    validates: Role | None = None  # the role whose members' nodes vote on blocks
    main: ChainTerms | None = None  # where members and money are, if this is a sub-chain


R = TypeVar("R", bound=Record)
_decode = Decoder(Genesis)


def first_writes(genesis: Genesis) -> dict[bytes, bytes]:
    """The state before the first block; what is written depends on the genesis alone."""
    ensure_sound(genesis)
    limits = genesis.limits
    chain = Chain(
        genesis.chain,
        genesis.cap,
        _supply(genesis),
        genesis.pool,
        len(genesis.members),
        vote_wait=limits.vote_wait,
        vote_delay=limits.vote_delay,
        dormant_after=limits.dormant_after,
        block_weight=limits.block_weight,
        member_weight=limits.member_weight,
        due_limit=limits.due_limit,
        readers=tuple(sorted((row.kind, tuple(sorted(row.roles))) for row in genesis.readers)),
        validators=genesis.validators,
        main=genesis.main.chain if genesis.main else "",
    )
    writes = {CHAIN.key(): CHAIN.encode(chain)}
    if genesis.main:
        view = first_view(genesis.main, True, genesis.time)
        writes[OTHER_CHAINS.key(genesis.main.chain)] = OTHER_CHAINS.encode(view)
    for founder in genesis.members:
        member = Member(founder.member, founder.key, founder.encryption_key, tuple(sorted(founder.roles)))
        account = Account(balance=founder.balance, seen=genesis.time)
        writes[MEMBERS.key(founder.member)] = MEMBERS.encode(member)
        writes[ACCOUNTS.key(founder.member)] = ACCOUNTS.encode(account)
        writes[KEYS.key(founder.key.hex())] = KEYS.encode(KeyUse(founder.member))
        if founder.validator:
            writes[VALIDATOR_KEYS.key(founder.member)] = VALIDATOR_KEYS.encode(
                ValidatorKey(founder.validator)
            )
            writes[KEYS.key(founder.validator.hex())] = KEYS.encode(KeyUse(founder.member))
    if genesis.validates is not None:
        validators = Validators(genesis.validates, founding_validators(genesis))
        writes[VALIDATORS.key()] = VALIDATORS.encode(validators)
    return {key.encode(): value for key, value in sorted(writes.items())}


def founding_validators(genesis: Genesis) -> tuple[bytes, ...]:
    """The keys that vote on the first blocks, where the members' nodes do."""
    named = (
        founder.validator
        for founder in genesis.members
        if genesis.validates in founder.roles and founder.validator
    )
    return tuple(sorted(named))


def ensure_sound(genesis: Genesis) -> None:
    """Refuse a beginning that contradicts itself or holds a value out of range."""
    try:
        _decode(encode(genesis))
    except OverflowError:
        raise GenesisError("a number in the genesis is too large for any ledger") from None
    except (Malformed, TypeError) as error:
        raise GenesisError(_explained(genesis, str(error))) from None
    for named, values in (
        ("member", [founder.member for founder in genesis.members]),
        (
            "key",
            [key.hex() for founder in genesis.members for key in (founder.key, founder.validator) if key],
        ),
        ("validator", [key.hex() for key in genesis.validators]),
        ("readable kind", [row.kind for row in genesis.readers]),
    ):
        twice = _repeated(values)
        _ensure(twice is None, f"{named} {twice} is named twice")
    for founder in genesis.members:
        _ensure_keys(founder)
        _ensure_roles(f"member {founder.member!r}", founder.roles)
    for key in genesis.validators:
        _ensure(keys.acceptable(key), f"validator key {key.hex()} is no Ed25519 key of prime order")
    if genesis.main:
        _ensure_main(genesis.chain, genesis.main)
    for row in genesis.readers:
        known = ", ".join(sorted(TABLES))
        _ensure(row.kind in TABLES, f"there are no records of kind {row.kind!r} to read; there are {known}")
        _ensure_roles(f"the readers of {row.kind!r}", row.roles)
    _ensure_validators(genesis)
    supply, limits = _supply(genesis), genesis.limits
    _ensure(supply <= genesis.cap, f"balances and pool are {supply} tokens, the cap is {genesis.cap}")
    least = min(limits.member_weight, limits.block_weight)
    heaviest = max(WEIGHTS.values())
    _ensure(least >= heaviest, f"a weight limit of {least} is below {heaviest}, the heaviest transaction")


def read_genesis(text: str) -> Genesis:
    """The genesis that a TOML text describes."""
    try:
        table = msgspec.toml.decode(text)
    except msgspec.DecodeError as error:
        raise GenesisError(f"this is not TOML: {error}") from None
    founders = _items(table.get("members", []), "members")
    readers = _table(table.get("readers", {}), "readers")
    genesis = _record(
        Genesis,
        {
            **table,
            "members": tuple(
                _record(Founder, row, f"members, number {n}") for n, row in enumerate(founders, 1)
            ),
            "limits": _record(Limits, table.get("limits", {}), "limits"),
            "readers": tuple(Readable(kind, _tuple(roles)) for kind, roles in readers.items()),
            "main": _main(table["main"]) if "main" in table else None,
            "validators": tuple(
                _key(key, "validators") for key in _items(table.get("validators", []), "validators")
            ),
        },
        "the genesis",
    )
    ensure_sound(genesis)
    return genesis


def write_genesis(genesis: Genesis) -> str:
    """The TOML text that describes this genesis."""
    document: dict[str, object] = {
        "chain": genesis.chain,
        "time": genesis.time,
        "cap": genesis.cap,
        "pool": genesis.pool,
        "validators": [key.hex() for key in genesis.validators],
        **({"validates": genesis.validates} if genesis.validates else {}),
        "limits": {field.name: getattr(genesis.limits, field.name) for field in fields(Limits)},
        "readers": {row.kind: row.roles for row in genesis.readers},
        **({"main": _terms(genesis.main)} if genesis.main else {}),
        "members": [_founder(founder) for founder in genesis.members],
    }
    return toml.write(document, notes={"time": "milliseconds since 1970"})


def _founder(founder: Founder) -> dict[str, object]:
    return {
        "member": founder.member,
        "key": founder.key.hex(),
        "encryption_key": founder.encryption_key.hex(),
        "roles": founder.roles,
        "balance": founder.balance,
        **({"validator": founder.validator.hex()} if founder.validator else {}),
    }


def _main(value: Any) -> ChainTerms:
    """The terms of the main chain; validators stand with their powers, as "KEY 1"."""
    table = dict(_table(value, "main"))
    named = [str(pair).partition(" ") for pair in _items(table.pop("validators", []), "main, validators")]
    powers = [power if power.isdecimal() else "0" for _, _, power in named]
    keys_ = [_key(key, "main, validators") for key, _, _ in named]
    pairs = tuple(zip(keys_, map(int, powers), strict=True))
    return _record(ChainTerms, {**table, "validators": pairs}, "main")


def _terms(terms: ChainTerms) -> dict[str, object]:
    spans = ("escrow_cap", "trusting_period", "settling", "refunding", "fresh")
    return {
        "chain": terms.chain,
        "validators": [f"{key.hex()} {power}" for key, power in terms.validators],
        **{name: getattr(terms, name) for name in spans},
    }


def _ensure_main(chain: str, terms: ChainTerms) -> None:
    _ensure(terms.chain != chain, f"chain {chain!r} cannot be its own main chain")
    keys_ = [key.hex() for key, _ in terms.validators]
    twice = _repeated(keys_)
    _ensure(twice is None, f"validator {twice} of the main chain is named twice")


def _supply(genesis: Genesis) -> int:
    return sum(founder.balance for founder in genesis.members) + genesis.pool


def _ensure(condition: object, reason: str) -> None:
    if not condition:
        raise GenesisError(reason)


def _repeated(values: list[str]) -> str | None:
    ordered = sorted(values)
    return next((a for a, b in pairwise(ordered) if a == b), None)


def _ensure_keys(founder: Founder) -> None:
    acceptable = keys.acceptable(founder.key)
    _ensure(
        acceptable, f"member {founder.member!r}: key {founder.key.hex()} is no Ed25519 key of prime order"
    )
    try:
        ensure_encryption_key(founder.encryption_key)
    except KeyRefused as refusal:
        raise GenesisError(f"member {founder.member!r}: {refusal}") from None


def _ensure_validators(genesis: Genesis) -> None:
    """Either the members' nodes vote on blocks, or the keys that the genesis lists sign them."""
    for founder in genesis.members:
        sound = not founder.validator or keys.acceptable(founder.validator)
        _ensure(
            sound, f"member {founder.member!r}: validator key {founder.validator.hex()} is no Ed25519 key"
        )
        needed = not founder.validator or genesis.validates is not None
        _ensure(needed, f"member {founder.member!r} names a validator key, and `validates` names no role")
    if genesis.validates is not None:
        _ensure(not genesis.validators, "say who validates by `validates` or by `validators`, not by both")
        _ensure(
            founding_validators(genesis),
            f"no founder with the role {genesis.validates} names a validator key",
        )


def _ensure_roles(where: str, roles: tuple[Role, ...]) -> None:
    twice = _repeated(list(roles))
    _ensure(twice is None, f"{where}: the role {twice} is named twice")


def _table(value: Any, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise GenesisError(f"{where} must be a table of names and values")
    return value


def _items(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise GenesisError(f"{where} must be a list")
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _record(kind: type[R], value: Any, where: str) -> R:
    """A table's values in the order of a record's fields; their ranges are checked with the whole."""
    table, known = _table(value, where), fields(kind)
    strange = sorted(set(table) - {field.name for field in known})
    names = ", ".join(field.name for field in known)
    _ensure(not strange, f"{where} does not know {', '.join(strange)}; it has {names}")
    missing = [field.name for field in known if field.required and field.name not in table]
    _ensure(not missing, f"{where} lacks {', '.join(missing)}")
    given = {
        field.name: _key(table[field.name], f"{where}, {field.name}")
        if field.type is PublicKey or field.name == "validator"
        else _tuple(table[field.name])
        for field in known
        if field.name in table
    }
    return kind(**given)


def _key(value: Any, where: str) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise GenesisError(f"{where}: {value!r} is no key of 64 hexadecimal digits")
    return bytes.fromhex(value)


def _explained(genesis: Genesis, message: str) -> str:
    """The decoder's message with the place in the array called by the names of the fields."""
    path, value, reason = misfit(genesis, message)
    if "matching regex" in reason:
        reason = "a name has at most 48 small letters, digits, dots, dashes or underscores"
    names = [f"number {part + 1}" if isinstance(part, int) else part for part in path]
    return f"{', '.join(names)}: {value!r} will not do: {reason}" if names else message
