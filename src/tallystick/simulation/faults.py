"""What goes wrong without ill will: leaving, lateness, silence, crashes, cut lines, lost payloads."""

from __future__ import annotations

from typing import Literal

from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.state import TEAMS
from ..ledger.transactions import posts
from ..node.loop import Node
from .behaviours import NEVER, Doing, Part, World

ROUNDS = ("rounds",)


def leave(member: str, round: int) -> Part:
    """The member says that it leaves as soon as this round runs."""

    def act(world: World) -> list[Doing]:
        progress = world.progress
        if progress is None or progress.stage not in ROUNDS or progress.round < round:
            return []
        team = views.find(world.engine, TEAMS, world.request)
        here = team is not None and member in team.active
        return [(world.nodes[member], tx.Leave(world.request))] if here else []

    return Part(f"leaves in round {round}", (member,), act=act)


def silent(member: str, round: int = 1, rounds: int = NEVER) -> Part:
    """From this round on, for so many rounds, the member posts nothing and does not say why."""

    def alter(world: World, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        if isinstance(body, tx.Post | tx.Reveal) and round <= body.round < round + rounds:
            return None
        return body

    return Part(f"silent {_span(round, rounds)}", (member,), alter=alter)


def late(member: str, by: int, round: int = 1, rounds: int = NEVER, phase: str = "") -> Part:
    """The member turns to a phase so many milliseconds after it has opened, or when it is too late.

    A `phase` confines this to one; otherwise it is late in all of them.
    """

    def rest(world: World, node: Node) -> int | None:
        opened, progress = world.open_phase, world.progress
        if opened is None or progress is None or progress.stage not in ROUNDS:
            return None
        rule = world.rule(opened.name)
        concerned = phase in ("", opened.name) and round <= opened.round < round + rounds
        return opened.deadline - rule.wait + by if rule is not None and concerned else None

    where = f" with {phase}" if phase else ""
    return Part(f"late{where} by {by / 60_000:g} min {_span(round, rounds)}", (member,), rest=rest)


def cut_off(*members: str, round: int = 1, rounds: int = 1) -> Part:
    """The line to these members is cut for so many rounds: they neither hear nor are heard."""

    def rest(world: World, node: Node) -> int | None:
        opened, progress = world.open_phase, world.progress
        if opened is None or progress is None or progress.stage not in ROUNDS:
            return None
        return opened.deadline if round <= progress.round < round + rounds else None

    return Part(f"cut off {_span(round, rounds)}", members, rest=rest)


def crash(
    member: str,
    phase: str,
    round: int = 1,
    when: Literal["before", "made", "sent"] = "made",
    back: int | None = None,
) -> Part:
    """The member's process dies once: before its work, when it is made and kept, or when it is sent.

    `back` milliseconds later it returns with what lay on its disk, its learner's memory too; without it,
    never.
    """
    mark = ("crash", member, phase, str(round), when)

    def fall(world: World) -> None:
        world.marks[mark] = NEVER if back is None else world.clock.now + back

    def alter(world: World, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        here = isinstance(body, tx.Post) and body.phase == phase and body.round == round
        if not here or when == "before" or mark in world.marks:
            return body
        fall(world)
        return None if when == "made" else body

    def rest(world: World, node: Node) -> int | None:
        opened = world.open_phase
        if when == "before" and mark not in world.marks and opened is not None:
            here = opened.name == phase and opened.round == round
            if here and member in opened.owing:
                fall(world)
        return world.marks.get(mark)

    told = {"before": "before its work", "made": "with its work made", "sent": "when it has posted"}[when]
    ends = "for good" if back is None else f"back after {back / 60_000:g} min"
    return Part(f"crashes in {phase} of round {round} {told}, {ends}", (member,), alter=alter, rest=rest)


def withhold(member: str, round: int = 1, rounds: int = NEVER, phase: str = "") -> Part:
    """The member posts its models' hashes and serves the bytes to nobody."""

    def alter(world: World, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        if isinstance(body, tx.Post) and isinstance(body.content, posts.Model):
            here = phase in ("", body.phase) and round <= body.round < round + rounds
            world.payloads.withheld |= {body.content.payload.plaintext} if here else set()
        return body

    return Part(f"withholds its models {_span(round, rounds)}", (member,), alter=alter)


def _span(round: int, rounds: int) -> str:
    if rounds == 1:
        return f"in round {round}"
    if rounds >= NEVER:
        return f"from round {round} on"
    return f"in rounds {round}-{round + rounds - 1}"
