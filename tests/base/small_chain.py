"""A chain of a few headers, made by hand, for what checks headers and proofs."""

from collections.abc import Sequence
from typing import Any

from tallystick.base import light
from tallystick.base.keys import SigningKey

SECOND = 10**9

KEYS = [SigningKey(bytes([number]) * 32) for number in range(7)]
FIRST = 1_700_000_000 * SECOND


def members(*numbers: int, power: int = 1) -> tuple[light.Validator, ...]:
    return tuple(light.Validator(KEYS[number].public, power) for number in numbers)


def commit_to(
    header: light.Header, validators: Sequence[light.Validator], signers: Any = None, round: int = 0
) -> light.Commit:
    """A commit by those of the validators that sign."""
    block = light.BlockId(light.header_hash(header), (1, bytes(32)))
    votes = []
    for validator in validators:
        key = next(key for key in KEYS if key.public == validator.public)
        if signers is not None and KEYS.index(key) not in signers:
            votes.append(light.CommitVote())
            continue
        message = light.sign_bytes(header.chain, header.height, round, block, header.time)
        votes.append(
            light.CommitVote(light.COMMITTED, light.address(key.public), header.time, key.sign(message))
        )
    return light.Commit(header.height, round, block, tuple(votes))


def header_of(
    validators: Sequence[light.Validator],
    following: Sequence[light.Validator] | None = None,
    height: int = 1,
    previous: light.Header | None = None,
    **changes: Any,
) -> light.Header:
    fields: dict[str, Any] = {
        "version": (light.BLOCK_PROTOCOL, 1),
        "chain": "plant",
        "height": height,
        "time": FIRST + height * SECOND,
        "last_block": light.BlockId(light.header_hash(previous), (1, bytes(32)))
        if previous
        else light.BlockId(),
        "last_commit_hash": light.EMPTY,
        "data_hash": light.EMPTY,
        "validators_hash": light.validators_hash(validators),
        "next_validators_hash": light.validators_hash(following or validators),
        "consensus_hash": light.EMPTY,
        "app_hash": bytes(32),
        "last_results_hash": light.EMPTY,
        "evidence_hash": light.EMPTY,
        "proposer": light.address(validators[0].public),
    }
    return light.Header(**(fields | changes))


FOUR = members(0, 1, 2, 3)
TRUSTED = header_of(FOUR)
NEXT = header_of(FOUR, height=2, previous=TRUSTED)
SIGNED = light.SignedHeader(NEXT, commit_to(NEXT, FOUR), FOUR)
FAR = header_of(FOUR, height=9)
SIGNED_FAR = light.SignedHeader(FAR, commit_to(FAR, FOUR), FOUR)
