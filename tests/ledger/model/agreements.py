"""Random rules that hold together: every forming rule, turn, election and pay, for small teams."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from tallystick.base.events import Event, Gaussian, Laplace, Unaccounted
from tallystick.base.ids import digest
from tallystick.ledger import rules as ru
from tests.ledger.model.people import FULL

PURPOSE = "upkeep"
SECOND = 1_000
STANDING_TEAM = "regulars"
TOPICS = ("vibration", "heat")

TRAINS = ru.EventRule("record", Gaussian(3_000, 1), Gaussian(6_000, 2))
JUDGES = ru.EventRule("record", Laplace(2_000, 1), Laplace(8_000, 1))
BARE = ru.EventRule("record", Unaccounted("no noise"), Unaccounted("no noise"))


def own_event(rng: Random, rule: ru.EventRule) -> Event:
    """An event within what a phase allows."""
    return rng.choice((rule.least, rule.most))


def wait(rng: Random) -> int:
    return rng.choice((SECOND, 5 * SECOND, 60 * SECOND, 60 * SECOND))


def phase(
    rng: Random, name: str, turn: str, content: str, of: str = "", sealed: bool = False
) -> ru.PhaseRule:
    quorum = rng.choice((0, 0, 300_000, 500_000, 700_000))
    return ru.PhaseRule(name, turn, content, wait(rng), of, sealed, quorum)  # type: ignore[arg-type]


def private(rng: Random, rule: ru.PhaseRule) -> ru.PhaseRule:
    """The same phase with what it costs the rows it touches."""
    rows: Any = "training" if rule.content == "model" else "judging"
    named = TRAINS if rows == "training" else JUDGES
    event = rng.choice((named, named, named, BARE, None))
    return ru.PhaseRule(
        rule.name, rule.turn, rule.content, rule.wait, rule.of, rule.sealed, rule.quorum, rows, event
    )


def judged(rng: Random, of: str) -> ru.PhaseRule:
    turn = rng.choice(("everyone", "everyone", f"drawn:{of}:1", f"drawn:{of}:2", f"present:{of}", "leader"))
    return phase(rng, "judge", turn, "scores", of, rng.random() < 0.7)


def phases(rng: Random, scheme: str) -> tuple[tuple[ru.PhaseRule, ...], str]:
    """The phases of a round, and the one whose last post is its result."""
    train = phase(rng, "train", "everyone", "model", sealed=rng.random() < 0.3)
    combine = phase(rng, "combine", "leader", "model")
    judge = judged(rng, "train")
    if scheme == "relay":
        return (phase(rng, "train", "in_order", "model"), judge), "train"
    if scheme == "secure":
        keys = phase(rng, "keys", "everyone", "inline")
        share = phase(rng, "share", rng.choice(("groups:2", "groups:3", "present:keys")), "model")
        recover = phase(rng, "recover", rng.choice(("everyone_but:share", "present:share")), "inline")
        return (keys, share, recover, combine), "combine"
    if scheme == "averaging":
        return (train, combine), "combine"
    if scheme == "boosting":
        return (train,), "train"
    final = phase(rng, "assess", "everyone", "scores", "combine", rng.random() < 0.7)
    if scheme == "last":
        return (train, combine, final), "combine"
    if rng.random() < 0.15:
        return (train, judge, combine, final), "combine"
    return rng.choice((((train, judge, combine), "combine"), ((train, judge), "train")))


def closing(rng: Random, scheme: str, measured: bool) -> tuple[ru.PhaseRule, ...]:
    found = []
    if rng.random() < 0.15:
        found.append(phase(rng, "release", "leader", "model"))
    if measured or rng.random() < 0.1:
        found.append(phase(rng, "measure", "everyone", "scores", "train", rng.random() < 0.7))
    return tuple(found) if scheme not in ("secure", "last") else ()


def forming(rng: Random, scheme: str, units: bool) -> ru.Forming:
    size = rng.choice((1, 2, 3, 3, 3, 4, 5, 5))
    candidates = rng.choice(("all", "all", "all", "team", "listed"))
    leader = "analyst" if scheme == "analyst" else rng.choice(("first", "first", "named"))
    named = rng.choice(FULL) if leader == "named" else ""
    order = "listed" if candidates == "listed" and rng.random() < 0.6 else rng.choice(("value", "answer"))
    return ru.Forming(
        size,
        rng.randint(1, size),
        rng.choice((2 * SECOND, 5 * SECOND, 20 * SECOND)),
        candidates=candidates,  # type: ignore[arg-type]
        team=STANDING_TEAM if candidates == "team" else "",
        order=order,  # type: ignore[arg-type]
        ability="graded" if named and rng.random() < 0.6 else "standing",
        leader=leader,  # type: ignore[arg-type]
        named=named,
        amount=rng.choice((0, 0, 0, 30, 5_000 if rng.random() < 0.2 else 0)),
        deposit=rng.choice((0, 10, 37, 50, 100_000 if rng.random() < 0.3 else 50)),
        leader_deposit=rng.choice((0, 60, 61)),
        minimum_credit=rng.choice((0, 0, 0, 0, 5, 10**6)),
        units=units,
        bench=rng.choice((0, 1, 1, 2)),
    )


def paying(rng: Random, reward: int, rounds: int, scheme: str, measured: bool, scored: bool) -> ru.Paying:
    kind = rng.choice(("lump", "lump", "lump", "per_round", "per_amount"))
    weights = ["equal", "amount", *(["gain"] * 4 if scored else [])]
    weights += ["angle", "angle_as_printed"] if measured else []
    fees = (rng.choice((0, 0, 7, 20)), rng.choice((0, 30)) if scheme == "analyst" else 0)
    left = reward - sum(fees)
    even = (left // rounds,) * rounds
    schedule = rng.choice(((), even, (left, *([0] * (rounds - 1)))))
    return ru.Paying(
        kind=kind,  # type: ignore[arg-type]
        weight=rng.choice(weights),  # type: ignore[arg-type]
        leader_share=kind == "lump" and rng.random() < 0.4,
        schedule=schedule if kind == "per_round" else (),
        price=rng.choice((0, 1, 3)) if kind == "per_amount" else 0,
        recorder_fee=fees[0],
        analyst_fee=fees[1],
        quality_share=rng.choice((0, 0, 300_000, 10**6)),
        penalties=rng.choice(("sound", "sound", "as_printed")),
        reuse_fee=rng.choice((0, 10, 25, 5_000)),
    )


def evicting(rng: Random, scored: bool, combine: str, apart: bool) -> ru.Evicting:
    kinds = ["none", "none", "worst", *(["outlier", "outlier"] if combine != "sum" else [])]
    expel = scored and apart and combine != "sum" and rng.random() < 0.6
    kind: Any = rng.choice(kinds) if scored else "none"
    return ru.Evicting(kind, rng.choice((1, 3, 6)), expel)


def electing(rng: Random, drawn: bool, measured: bool, scored: bool) -> ru.Electing:
    kinds = ["contribution"]
    kinds += ["drawn"] if drawn else []
    kinds += ["error", "error_as_printed"] if measured else []
    kinds += ["best_score"] if scored else []
    return ru.Electing(
        kind=rng.choice(kinds),  # type: ignore[arg-type]
        wait=wait(rng),
        approve_wait=wait(rng),
        common=rng.random() < 0.3,
        tolerance=rng.choice((0, 10_000, 10_000)),
        unanimous=rng.random() < 0.2,
    )


def test_secrets(plan: bytes) -> tuple[bytes, bytes]:
    """The sealed test set and its salt that belong to a plan."""
    return digest(b"test set", plan), digest(b"test salt", plan)


def agreement(rng: Random, plan: bytes, reward: int, scheme: str = "") -> ru.Rules:
    """Rules without a flaw for this reward."""
    while True:
        rules = _attempt(rng, plan, reward, scheme)
        if not scheme and rng.random() < 0.1:
            rules = _extreme(rng, rules)
        if ru.flaw(rules, reward) is None:
            return rules


def _extreme(rng: Random, rules: ru.Rules) -> ru.Rules:
    """The same rules with a number or two at the edge of what may be written."""
    tree = msgspec.to_builtins(rules)
    for _ in range(rng.choice((1, 1, 2, 3))):
        branch: Any = tree
        while any(isinstance(leaf, list) and leaf for leaf in branch) and rng.random() < 0.8:
            branch = rng.choice([leaf for leaf in branch if isinstance(leaf, list) and leaf])
        numbers = [place for place, leaf in enumerate(branch) if type(leaf) is int]
        if numbers:
            branch[rng.choice(numbers)] = rng.choice((0, 1, 10**6, 10**9, 10**12, 2**53 - 1, -(10**12)))
    try:
        return msgspec.convert(tree, ru.Rules)
    except msgspec.ValidationError:
        return rules


def _attempt(rng: Random, plan: bytes, reward: int, scheme: str) -> ru.Rules:
    scheme = scheme or rng.choice(
        ("mutual", "mutual", "mutual", "relay", "relay", "boosting", "averaging", "secure", "analyst", "last")
    )
    certain, scheme = scheme == "tested", "mutual" if scheme == "tested" else scheme
    units = rng.random() < (0.45 if scheme != "analyst" else 0.1)
    measured = rng.random() < 0.3 and scheme not in ("secure", "last")
    served, result = phases(rng, scheme)
    after = closing(rng, scheme, measured)
    if units:
        served = tuple(private(rng, one) if one.turn != "leader" else one for one in served)
    turns = [one.turn for one in served + after]
    by_chance = any(turn.startswith(("in_order", "drawn:", "groups:")) for turn in turns)
    drawn = by_chance or rng.random() < 0.1
    scored = any(one.content == "scores" for one in served)
    combine = rng.choice(("median", "median", "median", "trimmed", "sum"))
    rounds = rng.choice((1, 1, 1, 2, 2, 3))
    elect = electing(rng, drawn, measured, scored)
    drawn = by_chance or elect.kind == "drawn"
    secret = test_secrets(plan)
    tested = ru.SealedTest(digest(b"test", *secret), wait(rng)) if certain or rng.random() < 0.3 else None
    pay = paying(rng, reward, rounds, scheme, measured, scored)
    limit = min(reward - pay.recorder_fee - pay.analyst_fee, rng.choice((0, 60, 200)))
    return ru.Rules(
        forming(rng, scheme, units),
        served,
        ru.Stopping(
            rounds,
            rng.choice((8 * SECOND, 200 * SECOND, 10**7, 10**7)),
            rng.choice((None, None, 600_000, 720_000, 10**9)),
            rng.choice((0, 0, 1)),
            rng.choice((0, 5_000)),
        ),
        result,
        opening=(ru.PhaseRule("draw", "everyone", "salt", wait(rng)),) if drawn else (),
        closing=after,
        combine_scores=combine,  # type: ignore[arg-type]
        higher_is_better=rng.random() < 0.85,
        evicting=evicting(rng, scored, combine, all(one.turn != "in_order" for one in served)),
        electing=elect,
        paying=pay,
        test=tested,
        purchase_limit=limit if scheme == "analyst" else 0,
    )
