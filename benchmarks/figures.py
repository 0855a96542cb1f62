"""The figures of the first page: which rows of which results, in words that need no case's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """One row of the first page: the figure whose name begins so, in other words."""

    result: str
    begins: str
    words: str
    unit: str | None = None  # in place of the result's own
    beside: str = ""  # what it is compared with, where the result names no value of it


FIGURES = (
    Shown("bench/demo", "seconds from `tally demo`", "the demo, from its command to its last line"),
    Shown(
        "bench/round-50",
        "times as fast as Flower",
        "a round in which 50 members learn from 60,000 pictures",
        "times as fast",
        "Flower's simulation of it",
    ),
    Shown(
        "bench/dp-sgd",
        "times as fast as Opacus",
        "a member's training with a guarantee of privacy",
        "times as fast",
        "Opacus, ghost clipping",
    ),
    Shown(
        "bench/ledger-embedded",
        "transfers a second",
        "transfers a second on a ledger in one process, each safe in two copies",
        "a second",
    ),
    Shown(
        "bench/bft-throughput",
        "committed at saturation",
        "transactions a second by validators of four organisations",
        "of what it commits",
        "CometBFT's own key-value store",
    ),
    Shown(
        "faults/kill",
        "acknowledged transactions lost",
        "acknowledged transactions lost when the program is killed at random moments",
        "",
    ),
    Shown(
        "faults/histories",
        "noticed",
        "what random histories notice of bugs planted in the ledger's rules",
    ),
    Shown(
        "papers/mutual-accuracy-full",
        "30 members IID, round 80, no noise",
        "accuracy of 30 members on handwritten digits",
        "",
    ),
    Shown(
        "papers/mutual-accuracy-full",
        "30 members IID, round 80, total (10, 1e-5)",
        "the same with privacy for each record, ε = 10 in all",
        "",
    ),
    Shown(
        "papers/relay-figs5-7",
        "fig. 5, team of 200",
        "hand-overs until a model that 200 members hand on names 90 % of digits",
        "",
    ),
)
