"""What goes wrong without ill will: leaving, lateness, silence, crashes, cut lines, lost payloads."""

from __future__ import annotations

from typing import Literal

from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.state import TEAMS
from ..ledger.transactions import posts
from ..node.loop import Node
from .behaviours import NEVER, Behaviour, Doing, LiveRun

ROUNDS = ("rounds",)


def leave(member: str, round: int) -> Behaviour:
    """The member states that it leaves as soon as this round runs."""

    def act(run: LiveRun) -> list[Doing]:
        progress = run.progress
        if progress is None or progress.stage not in ROUNDS or progress.round < round:
            return []
        team = views.find(run.engine, TEAMS, run.request)
        here = team is not None and member in team.active
        return [(run.nodes[member], tx.Leave(run.request))] if here else []

    return Behaviour(f"leave:{round}", (member,), f"leaves in round {round}", act=act)


def silent(member: str, round: int = 1, rounds: int = NEVER) -> Behaviour:
    """From this round on, for so many rounds, the member posts nothing and does not say why."""

    def alter(run: LiveRun, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        if isinstance(body, tx.Post | tx.Reveal) and round <= body.round < round + rounds:
            return None
        return body

    words = f"silent {_span(round, rounds)}"
    return Behaviour(f"silent:{round}:{rounds}", (member,), words, alter=alter)


def late(member: str, by: int, round: int = 1, rounds: int = NEVER, phase: str = "") -> Behaviour:
    """The member turns to a phase so many milliseconds after it has opened, or when it is too late.

    A `phase` confines this to one; otherwise it is late in all of them.
    """

    def rest(run: LiveRun, node: Node) -> int | None:
        opened, progress = run.open_phase, run.progress
        if opened is None or progress is None or progress.stage not in ROUNDS:
            return None
        rule = run.rule(opened.name)
        concerned = phase in ("", opened.name) and round <= opened.round < round + rounds
        return opened.deadline - rule.wait + by if rule is not None and concerned else None

    where = f" with {phase}" if phase else ""
    words = f"late{where} by {by / 60_000:g} min {_span(round, rounds)}"
    return Behaviour(f"late:{by}:{round}:{rounds}:{phase}", (member,), words, rest=rest)


def cut_off(*members: str, round: int = 1, rounds: int = 1) -> Behaviour:
    """The line to these members is cut for so many rounds: they neither hear nor are heard."""

    def rest(run: LiveRun, node: Node) -> int | None:
        opened, progress = run.open_phase, run.progress
        if opened is None or progress is None or progress.stage not in ROUNDS:
            return None
        return opened.deadline if round <= progress.round < round + rounds else None

    words = f"cut off {_span(round, rounds)}"
    return Behaviour(f"cut-off:{round}:{rounds}", members, words, rest=rest)


def crash(
    member: str,
    phase: str,
    round: int = 1,
    when: Literal["before", "made", "sent"] = "made",
    back: int | None = None,
) -> Behaviour:
    """The member's process dies once: before its work, when it is made and kept, or when it is sent.

    `back` milliseconds later it returns with what lay on its disk, its learner's memory too; without it,
    never.
    """
    mark = ("crash", member, phase, str(round), when)

    def fall(run: LiveRun) -> None:
        run.marks[mark] = NEVER if back is None else run.clock.now + back

    def alter(run: LiveRun, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        here = isinstance(body, tx.Post) and body.phase == phase and body.round == round
        if not here or when == "before" or mark in run.marks:
            return body
        fall(run)
        return None if when == "made" else body

    def rest(run: LiveRun, node: Node) -> int | None:
        opened = run.open_phase
        if when == "before" and mark not in run.marks and opened is not None:
            here = opened.name == phase and opened.round == round
            if here and member in opened.owing:
                fall(run)
        return run.marks.get(mark)

    point = {"before": "before its work", "made": "with its work made", "sent": "when it has posted"}[when]
    ends = "for good" if back is None else f"back after {back / 60_000:g} min"
    words = f"crashes in {phase} of round {round} {point}, {ends}"
    name = f"crash:{phase}:{round}:{when}:{back}"
    return Behaviour(name, (member,), words, alter=alter, rest=rest)


def withhold(member: str, round: int = 1, rounds: int = NEVER, phase: str = "") -> Behaviour:
    """The member posts its models' hashes and serves the bytes to nobody."""

    def alter(run: LiveRun, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        if isinstance(body, tx.Post) and isinstance(body.content, posts.Model):
            here = phase in ("", body.phase) and round <= body.round < round + rounds
            run.payloads.withheld |= {body.content.payload.plaintext} if here else set()
        return body

    words = f"withholds its models {_span(round, rounds)}"
    return Behaviour(f"withhold:{round}:{rounds}:{phase}", (member,), words, alter=alter)


def _span(round: int, rounds: int) -> str:
    if rounds == 1:
        return f"in round {round}"
    if rounds >= NEVER:
        return f"from round {round} on"
    return f"in rounds {round}-{round + rounds - 1}"
