"""Every setting that presets share, typed: what it does, its range, and the field of the rules it sets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal, get_type_hints

from ..learning.judge import FEWEST
from ..ledger.rules import MAX_BENCH, MAX_ROUNDS, MAX_TEAM
from .options import LARGE, About, Option, option

TOKENS = 2**53 - 1
LONGEST = 10**11  # milliseconds


@dataclass(frozen=True)
class PlanSettings:
    """Every setting that presets share; None is the preset's own choice."""

    # The team
    size: Annotated[int | None, About("members of the team", "forming.size", 1, MAX_TEAM)] = None
    minimum: Annotated[
        int | None, About("members without whom it does not go on", "forming.minimum", 1, MAX_TEAM)
    ] = None
    bench: Annotated[
        int | None, About("who wait to replace an evicted member", "forming.bench", 0, MAX_BENCH)
    ] = None
    answer: Annotated[int | None, About("how long members may apply", "forming.wait", 1, LONGEST, "time")] = (
        None
    )
    candidates: Annotated[
        Literal["all", "team", "listed"] | None, About("who may be chosen", "forming.candidates")
    ] = None
    team: Annotated[str | None, About("the standing team, where candidates are one", "forming.team")] = None
    order: Annotated[
        Literal["value", "answer", "listed"] | None, About("who is chosen first", "forming.order")
    ] = None
    ability: Annotated[
        Literal["graded", "standing"] | None, About("who says how able a member is", "forming.ability")
    ] = None
    leader: Annotated[
        Literal["first", "named", "analyst"] | None,
        About("who leads: the first chosen, one whom the requester names, an analyst", "forming.leader"),
    ] = None
    named: Annotated[str | None, About("the leader whom the requester names", "forming.named")] = None
    amount: Annotated[
        int | None, About("data wanted; with less, the request is refunded", "forming.amount", 0, LARGE)
    ] = None
    deposit: Annotated[int, About("what a member stakes", "forming.deposit", 0, TOKENS)] = 200
    leader_deposit: Annotated[
        int | None, About("what the leader stakes beside it", "forming.leader_deposit", 0, TOKENS)
    ] = None
    minimum_credit: Annotated[
        int | None, About("the credit with which one may apply", "forming.minimum_credit", 0, TOKENS)
    ] = None
    units: Annotated[bool | None, About("every member brings a unit of its own", "forming.units")] = None

    # How long it goes on
    rounds: Annotated[int, About("rounds at most", "stopping.rounds", 1, MAX_ROUNDS)] = 10
    time: Annotated[
        int | None,
        About("how long all rounds may take; else as long as they need", "stopping.time", 1, LONGEST, "time"),
    ] = None
    quality: Annotated[float | None, About("stop when the team measures this", "stopping.quality")] = None
    patience: Annotated[
        int, About("stop when so many rounds brought too little; 0: never", "stopping.patience", 0, 1000)
    ] = 0
    improvement: Annotated[
        float, About("what `patience` rounds must bring together", "stopping.improvement", 0)
    ] = 0.0
    wait: Annotated[int | None, About("how long a phase may take", "phases.wait", 1, LONGEST, "time")] = None
    quorum: Annotated[
        float | None,
        About("the share of owed models below which a round does not count", "phases.quorum", 0, 1, "share"),
    ] = None
    test_wait: Annotated[
        int | None,
        About("how long a sealed test set may take to be opened", "test.wait", 1, LONGEST, "time"),
    ] = None

    # Training, and combining
    rule: Annotated[str | None, About("the rule that combines models", needs="rule")] = None
    attackers: Annotated[
        int | None,
        About("how many the rule withstands; else a tenth of the team", "", 0, MAX_TEAM, needs="attackers"),
    ] = None
    as_printed: Annotated[
        bool | None,
        About(
            "as its paper prints it: the mean of all, scores added up, each round's worst dropped",
            needs="as_printed",
        ),
    ] = None
    least_rows: Annotated[
        int, About("with fewer rows (or subjects) to train on a member does not apply", "", 1, LARGE)
    ] = 100

    # Noise
    protect: Annotated[
        Literal["none", "dp_sgd", "per_hop", "noised_update", "printed_laplace"],
        About(
            "how training is noised; printed_laplace: no formal guarantee", "phases.event", needs="protect"
        ),
    ] = "none"
    epsilon: Annotated[float | None, About("of all rounds together", "phases.event", 0, needs="protect")] = (
        None
    )
    delta: Annotated[float, About("goes with epsilon", "phases.event", 0, 1, needs="protect")] = 1e-5
    protects: Annotated[
        Literal["record", "subject"],
        About("whose rows dp_sgd protects: one row, or one subject's", needs="protect"),
    ] = "record"
    clip: Annotated[float, About("the L2 norm to which gradients are clipped", "", 0, needs="protect")] = 1.0
    steps: Annotated[
        int,
        About(
            "noised steps of a round; 0: an epoch of the smallest, 10 of a hop", "", 0, LARGE, needs="protect"
        ),
    ] = 0
    noisier: Annotated[
        int,
        About("a member may choose up to so many times the noise", "phases.event", 1, 1000, needs="protect"),
    ] = 1
    bound: Annotated[float, About("the L2 norm to which noised_update clips", "", 0, needs="protect")] = 1.0
    usual: Annotated[
        int, About("rows by which per_hop divides a sum; 0: the member's own", "", 0, LARGE, needs="protect")
    ] = 0
    release: Annotated[
        Literal["none", "as_printed", "members"],
        About("the leader's noise on the final model: as printed, or protecting members", needs="release"),
    ] = "none"
    release_epsilon: Annotated[float | None, About("of the released model", "", 0, needs="release")] = None
    release_bound: Annotated[
        float, About("the L1 norm to which a protecting release clips", "", 0, needs="release")
    ] = 1.0

    # Judging, and who goes
    judges: Annotated[
        int | None,
        About(
            "drawn judges of each model; 0: everyone, which is for 64 members at most",
            "phases.turn",
            0,
            99,
            needs="judges",
        ),
    ] = None
    fewest: Annotated[
        int, About("with fewer rows to judge by, a member abstains", "", 1, LARGE, needs="fewest")
    ] = FEWEST
    loss_gain: Annotated[bool, About("judge by loss gain in place of the measure", judged=True)] = False
    scores: Annotated[
        Literal["median", "trimmed", "sum"] | None,
        About("how the scores of a model are put together", "combine_scores", judged=True),
    ] = None
    evict: Annotated[
        Literal["none", "worst", "outlier"] | None,
        About("whom a round drops", "evicting.kind", judged=True),
    ] = None
    evict_bound: Annotated[
        int | None,
        About("median deviations that make an outlier", "evicting.bound", 1, LARGE, judged=True),
    ] = None
    expel: Annotated[
        bool | None, About("who does harm goes without pay, with a fine", "evicting.expel", judged=True)
    ] = None

    # The record
    elect: Annotated[
        Literal["contribution", "error", "error_as_printed", "best_score", "drawn"] | None,
        About("who records", "electing.kind"),
    ] = None
    elect_wait: Annotated[
        int | None, About("how long the recorder may take", "electing.wait", 1, LONGEST, "time")
    ] = None
    approve_wait: Annotated[
        int | None, About("how long approvers may take", "electing.approve_wait", 1, LONGEST, "time")
    ] = None
    common: Annotated[bool | None, About("approvers measure on common data", "electing.common")] = None
    tolerance: Annotated[
        float | None,
        About("how far members' figures may lie apart, in spreads of the target", "electing.tolerance", 0),
    ] = None
    unanimous: Annotated[bool | None, About("every approver must approve", "electing.unanimous")] = None

    # Pay
    pay: Annotated[
        Literal["lump", "per_round", "per_amount"] | None, About("how the reward is paid", "paying.kind")
    ] = None
    weight: Annotated[
        Literal["gain", "angle", "angle_as_printed", "equal", "amount"] | None,
        About("what a member's share follows", "paying.weight"),
    ] = None
    leader_share: Annotated[
        bool | None, About("the leader takes its even share first", "paying.leader_share")
    ] = None
    schedule: Annotated[
        tuple[int, ...] | None, About("the reward of each round", "paying.schedule", 0, TOKENS)
    ] = None
    price: Annotated[
        int | None, About("tokens for a unit of data; 0: equal shares", "paying.price", 0, TOKENS)
    ] = None
    recorder_fee: Annotated[
        int | None, About("what the recorder is paid for it", "paying.recorder_fee", 0, TOKENS)
    ] = None
    analyst_fee: Annotated[int | None, About("what an analyst is paid", "paying.analyst_fee", 0, TOKENS)] = (
        None
    )
    quality_share: Annotated[
        float | None,
        About(
            "the part of the pay that is owed where quality is reached", "paying.quality_share", 0, 1, "share"
        ),
    ] = None
    penalties: Annotated[
        Literal["sound", "as_printed"] | None, About("what becomes of penalties", "paying.penalties")
    ] = None
    reuse_fee: Annotated[
        int | None, About("what a later use of the model costs", "paying.reuse_fee", 0, TOKENS)
    ] = None
    purchase_limit: Annotated[
        int, About("what an analyst may spend on linked purchases", "purchase_limit", 0, TOKENS)
    ] = 0


def options() -> dict[str, Option]:
    """Every setting that presets share, by its name."""
    hints = get_type_hints(PlanSettings, include_extras=True)
    usual = PlanSettings()
    return {
        part.name: option(part.name, hints[part.name], getattr(usual, part.name))
        for part in fields(PlanSettings)
    }


SHARED = options()
