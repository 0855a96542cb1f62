"""The phases of a secure sum: posts that fit the ledger, and nothing where others' bytes are of no use."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from tallystick.base.codec import encode
from tallystick.learning import fixed_point
from tallystick.protocols.parts.masked import (
    WORDS,
    Arrived,
    deal_shares,
    list_arrived,
    open_mean,
    post_keys,
    train_masked,
    unmask,
)
from tallystick.protocols.vocabulary import Do, Product
from tests.protocols import batches
from tests.protocols.bench import bench, job


@pytest.mark.parametrize("count", [40, 41, 120])
def test_posts_of_many_owners_fit_the_ledger(count):
    """Keys, shares and reveals travel inline, in at most 4,096 bytes; every owner's training is the same."""
    team = tuple(f"owner-{number:03}" for number in range(count))
    jobs = [replace(job(0), member=name, team=team, secret_of=partial(_secret, name)) for name in team]
    inbox: dict[str, dict[str, bytes]] = {}
    for phase, do in (("keys", post_keys()), ("shares", deal_shares()), ("unmask", unmask())):
        asked = [replace(one, inbox=inbox, secret=one.secret_of(phase)) for one in jobs]
        made = do.serve(bench(), asked)
        inbox[phase] = dict(zip(team, [one.inline for one in made], strict=True))
        # Three do not train: the others give shares of their keys.
        inbox["arrived"] = {"analyst": encode(Arrived(tuple(range(count - 3))))}
        served = [one.inline for one in made[: count - 3]]
        assert all(post is not None and len(post) <= 4096 for post in served)
    assert made[-1].inline is None  # whose bytes did not arrive has nothing to unmask


def _secret(member, phase):
    return f"{member} {phase}".encode()


TEAM = ("ada", "bob", "cleo", "dan")
ROWS = {"ada": 1, "bob": 2, "cleo": 3, "dan": 10}  # and by as much each one's model moves on
PHASES = {
    "keys": post_keys(), "shares": deal_shares(), "masked": train_masked(),
    "arrived": list_arrived(), "unmask": unmask(), "combine": open_mean(),
}  # fmt: skip


def served(
    do: Do, phase: str, inbox: dict[str, Any], team: Sequence[str], who: Sequence[str]
) -> list[Product]:
    """What these members of a team make in a phase, out of what was posted before."""
    jobs = [
        batches.job(
            name, ROWS.get(name, 1), team=tuple(team), inbox=inbox,
            secret=_secret(name, phase), secret_of=partial(_secret, name),
        )
        for name in who
    ]  # fmt: skip
    return do.serve(batches.bench(batches.Written()), jobs)


def summed(
    team: Sequence[str] = TEAM,
    lost: dict[str, Sequence[str]] | None = None,
    instead: dict[str, dict[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """A whole sum: what was posted in each phase, without those who are lost in it, or something else."""
    inbox: dict[str, dict[str, Any]] = {}
    for phase, do in PHASES.items():
        who = team if phase not in ("arrived", "combine") else team[:1]
        made = served(
            do, phase, inbox, team, [name for name in who if name not in (lost or {}).get(phase, ())]
        )
        at_work = [name for name in who if name not in (lost or {}).get(phase, ())]
        inbox[phase] = {
            name: product.inline if product.inline is not None else product.model
            for name, product in zip(at_work, made, strict=True)
        } | (instead or {}).get(phase, {})
    return inbox


def mean_of(*members: str) -> list[float]:
    counts = [ROWS[name] for name in members]
    vectors = [np.full(2, count, np.float32) for count in counts]
    return list(fixed_point.mean(vectors, counts).tolist())


def test_the_mean_is_the_plain_one_of_those_whose_words_arrived():
    assert summed()["combine"]["ada"]["w"].tolist() == mean_of(*TEAM)
    without = summed(lost={"masked": ("dan",)})
    assert without["combine"]["ada"]["w"].tolist() == mean_of("ada", "bob", "cleo")
    assert mean_of(*TEAM) != mean_of("ada", "bob", "cleo")


def test_words_alone_say_nothing_of_a_model_not_even_its_weight():
    posted = summed()["masked"]["ada"]
    assert set(posted) == {WORDS} and posted[WORDS].shape == (3,)
    plain = np.array([1, 1, 1]) << fixed_point.DEFAULT.bits
    assert not (posted[WORDS] == plain).any() and abs(int(posted[WORDS][2])) > 1_000


@pytest.mark.parametrize("phase", ["keys", "shares"])
@pytest.mark.parametrize("post", [b"no keys at all", "malformed", b""])
def test_what_cannot_be_read_counts_as_not_posted(phase: str, post: object):
    posted = summed(instead={phase: {"dan": post}})
    assert posted["masked"]["dan"] is None  # whoever is not in the sum posts no words
    assert posted["combine"]["ada"]["w"].tolist() == mean_of("ada", "bob", "cleo")


def test_a_stranger_has_no_seat_and_what_it_posts_is_passed_over():
    (made,) = served(PHASES["keys"], "keys", {}, TEAM, ["eve"])
    assert (made.inline, made.model) == (None, None)
    keys = served(PHASES["keys"], "keys", {}, ("eve", *TEAM), ["eve"])[0].inline
    assert keys is not None
    posted = summed(instead={"keys": {"eve": keys}})
    assert posted["combine"]["ada"]["w"].tolist() == mean_of(*TEAM)


def test_where_too_few_are_left_nobody_unmasks_and_there_is_no_mean():
    posted = summed(lost={"masked": ("bob", "cleo", "dan")})
    assert set(posted["unmask"].values()) == {None} and posted["combine"]["ada"] is None
    posted = summed(team=TEAM[:2])
    assert {value for each in posted.values() for value in each.values()} == {None}


def test_nobody_unmasks_before_the_list_of_the_arrived_can_be_read():
    for post in (b"", b"no list", "unavailable"):
        posted = summed(instead={"arrived": {"ada": post}})
        assert set(posted["unmask"].values()) == {None}, post


def test_a_secret_is_the_same_whenever_it_is_asked_for():
    assert summed()["keys"] == summed()["keys"]
    assert len(set(summed()["keys"].values())) == len(TEAM)
