"""Honest and less honest members that serve a request on a test world, whatever its rules ask of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from msgspec.structs import replace

from tallystick.base.events import SubsampledGaussian
from tallystick.ledger import records as r
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.notices import Fined
from tallystick.ledger.requests.turns import subjects_of
from tallystick.ledger.transactions import salt_commitment, score_commitment
from tallystick.ledger.transition import Receipt

from .world import DAY, HOUR, AnyWorld, World, founder, hashed

TRAINING = SubsampledGaussian(64_000_000, 1_420, 16)
JUDGING = SubsampledGaussian(500_000_000, 5_000, 1)
TRAINS = ru.EventRule("record", replace(TRAINING, sigma_milli=1_000), replace(TRAINING, sigma_milli=3_000))


def train(turn: str = "everyone", **more: object) -> ru.PhaseRule:
    return ru.PhaseRule("train", turn, "model", HOUR, **more)  # type: ignore[arg-type]


def judge(of: str = "train", turn: str = "everyone", sealed: bool = True, **more: object) -> ru.PhaseRule:
    return ru.PhaseRule("judge", turn, "scores", HOUR, of, sealed, **more)  # type: ignore[arg-type]


COMBINE = ru.PhaseRule("combine", "leader", "model", HOUR)
DRAW = ru.PhaseRule("draw", "everyone", "salt", HOUR)
MEASURE = ru.PhaseRule("measure", "everyone", "scores", HOUR, "train", True)


def mutual(size: int = 3, rounds: int = 2, **more: object) -> ru.Rules:
    """All train, all judge all, the leader combines."""
    form = ru.Forming(size, min(2, size), HOUR, deposit=50, leader_deposit=60, units=False)
    changed = {name: more.pop(name) for name in list(more) if name in ru.Forming.__struct_fields__}
    form = replace(form, **changed)
    kept: dict[str, object] = {
        "forming": form,
        "phases": (train(), judge(), COMBINE),
        "stopping": ru.Stopping(rounds, 30 * DAY),
        "result": "combine",
    }
    return ru.Rules(**{**kept, **more})  # type: ignore[arg-type]


def relay(size: int = 3, rounds: int = 1, **more: object) -> ru.Rules:
    """One passes the model to the next in drawn order, then all judge every hop."""
    kept: dict[str, object] = {
        "opening": (DRAW,),
        "phases": (train("in_order"), judge()),
        "result": "train",
        "paying": ru.Paying(leader_share=True),
    }
    return mutual(size, rounds, **{**kept, **more})


W = TypeVar("W", bound=AnyWorld)


@dataclass
class Play(Generic[W]):
    """One request, its members' tempers, and what they know."""

    world: W
    request: str
    silent: dict[str, Sequence[str]] = field(default_factory=dict)  # member: phases it keeps silent in
    quality: dict[str, int] = field(default_factory=dict)  # how good a member's models are
    verdicts: dict[str, str] = field(default_factory=dict)  # what all others say of a member's posts
    salts: dict[tuple[str, ...], bytes] = field(default_factory=dict)
    figure: int = 700_000
    scale: int = 1

    def progress(self) -> r.Progress:
        return self.world.get(st.PROGRESS, self.request)

    def posted(self) -> r.Request:
        return self.world.get(st.REQUESTS, self.request)

    def open_phase(self) -> tuple[r.Phase, ru.PhaseRule] | None:
        progress = self.progress()
        if progress.phase < 0:
            return None
        phase = self.world.find(st.PHASES, self.request, progress.phase)
        return None if phase is None else (phase, ru.all_phases(self.posted().rules)[progress.phase])

    def vector(self, phase: r.Phase, rule: ru.PhaseRule, member: str) -> tuple[tx.Score, ...]:
        """What an honest judge measures: the start, then each subject by its quality."""
        start = 500_000 + self.progress().completed * 10_000
        scores = [tx.Score(start)]
        for subject in subjects_of(rule, phase, member):
            verdict = self.verdicts.get(subject, "fine")
            scores.append(tx.Score(self.quality.get(subject, self.figure), verdict))  # type: ignore[arg-type]
        return tuple(scores)

    def content(self, phase: r.Phase, rule: ru.PhaseRule, member: str) -> tx.Content:
        salt = self.salt(member, rule.name, phase.round)
        if rule.content == "model":
            name = hashed(self.request, phase.round, rule.name, member)
            return tx.Model(tx.Payload(1000, name, hashed(name, "c"), hashed(name, "k")), rows=100)
        if rule.content == "inline":
            return tx.Inline(b"key share")
        if rule.content == "salt":
            return tx.SaltReveal(self.salt(member))
        values = self.vector(phase, rule, member)
        if not rule.sealed:
            return tx.Scores(values)
        return tx.Committed(score_commitment(self.request, phase.round, rule.name, member, values, salt))

    def salt(self, *parts: object) -> bytes:
        return hashed(self.request, *parts)

    def serve(self, member: str) -> Receipt | None:
        """What the member would send now, sent; None when it owes nothing or keeps silent."""
        opened = self.open_phase()
        if opened is None:
            return None
        phase, rule = opened
        quiet = self.silent.get(member, ())
        if rule.name in quiet or ("reveal" in quiet and phase.revealing):
            return None
        posting = self.world.find(st.POSTS, self.request, self.progress().phase, member)
        if phase.revealing:
            if posting is None or posting.values is not None or not isinstance(posting.content, tx.Committed):
                return None
            values = self.vector(phase, rule, member)
            body: tx.Body = tx.Reveal(
                self.request, phase.round, rule.name, values, self.salt(member, rule.name, phase.round)
            )
        else:
            turn = phase.owed[phase.cursor : phase.cursor + 1] if rule.turn == "in_order" else phase.owed
            if member not in turn or posting is not None:
                return None
            body = tx.Post(self.request, phase.round, rule.name, self.content(phase, rule, member))
        return self.world.did(member, body)

    def everybody_serves(self) -> int:
        """Each member in turn sends what it owes; say how many did."""
        return len([member for member in sorted(self.world.keys) if self.serve(member)])

    def record(self, figure: int | None = None) -> None:
        """The elected recorder posts, the others approve with the same figure."""
        figure = self.figure if figure is None else figure
        progress = self.progress()
        if progress.stage == "recording":
            recorder = progress.recorders[progress.attempt]
            if "record" in self.silent.get(recorder, ()):
                self.world.wait(progress.deadline - self.world.time)
                return
            self.world.did(recorder, tx.PostRecord(self.request, progress.model, figure))
        elif progress.stage == "approving":
            voters = [
                m
                for m in progress.recorders
                if m != progress.recorders[progress.attempt]
                and "approve" not in self.silent.get(m, ())
                and self.world.find(st.STATEMENTS, self.request, m) is None
            ]
            if not voters:
                self.world.wait(progress.deadline - self.world.time)
                return
            self.world.did(voters[0], tx.Approve(self.request, self.figure))

    def run(self, until: Callable[[r.Progress], bool] = lambda p: False, steps: int = 2000) -> r.Progress:
        """Everybody serves until the request ends; whoever is silent is waited for."""
        for _ in range(steps):
            progress = self.progress()
            if until(progress) or progress.stage in ("settled", "refunded"):
                return progress
            if progress.stage in ("recording", "approving"):
                self.record()
            elif progress.stage in ("forming", "sealed", "certifying"):
                self.world.wait(progress.deadline - self.world.time)
            elif not self.everybody_serves():
                opened = self.open_phase()
                assert opened is not None, progress
                self.world.wait(opened[0].deadline - self.world.time)
        raise AssertionError(f"the request never ended: {self.progress()}")


@dataclass
class Biased(Play[World]):
    """Members whose judges say what they like."""

    says: dict[str, dict[str, int]] = field(default_factory=dict)  # judge: author: figure

    def vector(self, phase: r.Phase, rule: ru.PhaseRule, member: str) -> tuple[tx.Score, ...]:
        honest = super().vector(phase, rule, member)
        said = self.says.get(member, {})
        subjects = subjects_of(rule, phase, member)
        pairs = zip(subjects, honest[1:], strict=True)
        return (honest[0], *(replace(s, figure=said.get(m, s.figure)) for m, s in pairs))


NO_REQUEST = "request-" + "0" * 32
MEMBERS = ("ada", "bob", "cleo", "dan", "eve", "fay")


def consortium(balance: int = 10_000, names: Sequence[str] = MEMBERS) -> World:
    return World(*(founder(name, balance) for name in names))


def ask(world: AnyWorld, rules: ru.Rules, reward: int = 1_000, member: str = "ada", **more: object) -> str:
    """Post a request."""
    body = tx.PostRequest(
        "pumps",
        "maintenance",
        hashed("plan"),
        reward,
        rules,
        hashed("reuse"),
        **more,  # type: ignore[arg-type]
    )
    return world.made("request", member, body)


def answer(world: AnyWorld, request: str, member: str, **more: object) -> None:
    """Apply, with the salt's hash where the rules draw."""
    rules = world.get(st.REQUESTS, request).rules
    if ru.draws(rules) and not more.get("analyst"):
        more.setdefault("commitment", salt_commitment(request, member, hashed(request, member)))
    world.did(member, tx.Apply(request, **more))  # type: ignore[arg-type]


def started(rules: ru.Rules, applicants: Sequence[str] = MEMBERS[1:], **more: object) -> Play[World]:
    """A consortium with a request whose applicants have applied."""
    world = consortium()
    request = ask(world, rules, **more)  # type: ignore[arg-type]
    for member in applicants:
        answer(world, request, member)
    return Play(world, request)


def lost(play: Play, member: str) -> int:
    """What a member has been fined, by the notices."""
    return sum(one.amount for one in play.world.said if isinstance(one, Fined) and one.member == member)


def running(rules: ru.Rules | None = None) -> tuple[Play, list[str]]:
    """A request in its first phase of round 1, and its team by name."""
    play = started(rules or mutual(3, 2), applicants=MEMBERS[1:4])
    play.run(until=lambda progress: progress.stage == "rounds")
    return play, sorted(play.world.get(st.TEAMS, play.request).active)
