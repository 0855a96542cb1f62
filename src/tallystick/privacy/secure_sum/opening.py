"""The sum out of masked words and reveals: recover seeds and lost keys, take the masks away."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

import numpy as np

from .masks import add_mask, private_key, public_key
from .session import (
    SumKeys,
    SumPlan,
    SumRefused,
    SumReveal,
    Words,
    neighbours,
    own_mask,
    pair_mask,
    seed_digest,
    sign,
)
from .shares import BadShares, combine, decode_share, weights_at_zero


class CannotOpen(SumRefused):
    """Too few good shares of one member's secret are there; the round gives no sum."""


def open_sum(
    plan: SumPlan,
    keys: Mapping[int, SumKeys],
    dealers: Collection[int],
    words: Mapping[int, Words],
    reveals: Mapping[int, SumReveal],
) -> Words:
    """The sum of the survivors' vectors: exact, or refused with the seat whose secret cannot be recovered."""
    survivors = sorted(words)
    total = np.zeros(plan.length, plan.dtype)
    for seat in survivors:
        if words[seat].shape != (plan.length,) or words[seat].dtype != plan.dtype:
            raise SumRefused(
                f"seat {seat} posted {words[seat].shape} {words[seat].dtype}, not the plan's words"
            )
        total += words[seat]
    seeds = _by_owner({holder: reveal.seeds for holder, reveal in reveals.items()})
    lost_keys = _by_owner({holder: reveal.keys for holder, reveal in reveals.items()})
    for seat in survivors:
        seed = _recovered(plan, seat, "seed", keys[seat], seeds.get(seat, {}))
        add_mask(total, own_mask(plan, seat, seed), -1)
    for lost in sorted(set(dealers) - set(survivors)):
        partners = [seat for seat in neighbours(plan, lost) if seat in words]
        if partners:
            private = private_key(_recovered(plan, lost, "key", keys[lost], lost_keys.get(lost, {})))
        for seat in partners:
            add_mask(total, pair_mask(plan, private, keys[seat], lost, seat), -sign(seat, lost))
    return total


def _by_owner(given: Mapping[int, Iterable[tuple[int, bytes]]]) -> dict[int, dict[int, int]]:
    """Shares by whose secret it is and by who held them; what is no share is left out."""
    shares: dict[int, dict[int, int]] = {}
    for holder, entries in given.items():
        for owner, data in entries:
            try:
                shares.setdefault(owner, {})[holder] = decode_share(data)
            except BadShares:
                continue
    return shares


def _recovered(plan: SumPlan, seat: int, kind: str, posted: SumKeys, shares: Mapping[int, int]) -> bytes:
    """The secret that fits what its owner posted; where a share is false, other sets of holders are tried."""
    holders = tuple(sorted(shares))
    values = {holder + 1: shares[holder] for holder in holders}
    for group in _groups(holders, plan.threshold):
        try:
            secret = combine(values, _weights(group))
        except BadShares:
            continue
        if kind == "seed" and seed_digest(plan, seat, secret) == posted.seed_digest:
            return secret
        if kind == "key" and public_key(secret) == posted.mask:
            return secret
    raise CannotOpen(
        f"the {kind} of seat {seat} cannot be recovered: {len(holders)} shares are there, "
        f"{plan.threshold} true ones are needed"
    )


def _groups(holders: tuple[int, ...], size: int) -> Iterable[tuple[int, ...]]:
    if len(holders) < size:
        return
    yield holders[:size]
    for first in range(1, len(holders) if len(holders) > size else 1):
        yield tuple(sorted((*holders, *holders)[first : first + size]))


@lru_cache(maxsize=512)
def _weights(group: tuple[int, ...]) -> dict[int, int]:
    return weights_at_zero(holder + 1 for holder in group)
