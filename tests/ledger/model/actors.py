"""What members of a request do when they serve it: honestly, badly, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from tallystick.ledger import records as r
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.requests.turns import subjects_of
from tallystick.ledger.transactions import salt_commitment, score_commitment
from tests.ledger.model.agreements import own_event, test_secrets
from tests.ledger.model.people import FULL
from tests.ledger.world import World, hashed

LIVE = ("forming", "opening", "rounds", "closing", "recording", "approving", "sealed", "certifying")
Duty = tuple[str, Callable[[], tx.Body]]  # who, and what it would send


@dataclass
class Players:
    """Everybody's plans and secrets in one world."""

    world: World
    rng: Random
    vectors: dict[tuple[str, int, str, str], tuple[tx.Score, ...]] = field(default_factory=dict)
    moods: dict[tuple[object, ...], bool] = field(default_factory=dict)
    silence: float = 0.08  # how often a duty is left undone
    malice: float = 0.12  # how often one is done badly

    def rows(self, table: st.StateTable[Any]) -> dict[tuple[str, ...], Any]:
        return self.world.reader.all(table)

    def live(self, *stages: str) -> list[str]:
        """The requests in these stages, in the order of their names."""
        wanted = stages or LIVE
        return [
            key[0] for key, progress in sorted(self.rows(st.PROGRESS).items()) if progress.stage in wanted
        ]

    def progress(self, name: str) -> r.Progress:
        return self.world.reader.all(st.PROGRESS)[(name,)]

    def request(self, name: str) -> r.Request:
        return self.world.reader.all(st.REQUESTS)[(name,)]

    def open_phase(self, name: str) -> tuple[r.Phase, ru.PhaseRule] | None:
        progress = self.progress(name)
        phase = self.world.reader.find(st.PHASES, name, progress.phase) if progress.phase >= 0 else None
        return None if phase is None else (phase, ru.all_phases(self.request(name).rules)[progress.phase])

    def posting(self, name: str, member: str) -> r.Posting | None:
        return self.world.reader.find(st.POSTS, name, self.progress(name).phase, member)

    # --- duties -----------------------------------------------------------------------------------

    def duties(self, name: str) -> list[Duty]:
        """What is owed in a request now, without what its members have decided to leave undone."""
        progress = self.progress(name)
        if progress.stage == "forming":
            owed = self._forming(name)
        elif progress.stage in ("opening", "rounds", "closing"):
            owed = self._serving(name)
        else:
            owed = self._ending(name, progress)
        members = self.rows(st.MEMBERS)
        where = (name, progress.stage, progress.round, progress.phase, progress.attempt)
        return [duty for duty in owed if members[(duty[0],)].active and self.willing(*where, duty[0])]

    def willing(self, *where: object) -> bool:
        """Whether a member will act at this point; it stays with its mood."""
        if where not in self.moods:
            self.moods[where] = self.rng.random() >= self.silence
        return self.moods[where]

    def _forming(self, name: str) -> Iterator[Duty]:
        request, form = self.request(name), self.request(name).rules.forming
        if form.candidates == "listed" and (name,) not in self.rows(st.LISTINGS):
            yield request.member, lambda: self.listing(name)
        applied = [m for (of, m) in sorted(self.rows(st.APPLICATIONS)) if of == name]
        analysts = [m for m in applied if self.rows(st.APPLICATIONS)[name, m].analyst]
        if len(applied) < form.size + form.bench + (form.leader == "analyst"):
            wants = form.leader == "analyst" and not analysts
            for member in FULL:
                if member not in applied and self.could(request, member, wants):
                    yield member, partial(self.application, name, member, analyst=wants)
        if form.ability == "graded" and applied and self.rng.random() < 0.2:
            yield form.named, lambda: tx.Grade(name, tuple((m, self.rng.randrange(10**6)) for m in applied))

    def could(self, request: r.Request, member: str, analyst: bool) -> bool:
        """Whether a member would bother to apply."""
        form, account = request.rules.forming, self.rows(st.ACCOUNTS)[(member,)]
        teams = self.rows(st.STANDING_TEAMS)
        known = form.candidates != "team" or member in teams[(form.team,)].members
        able = account.credit >= form.minimum_credit and account.balance >= form.deposit
        papers = analyst or not form.units or self.unit_uses(request, member)
        return bool(known and able and papers and member != request.member)

    def listing(self, name: str) -> tx.ChooseTeam:
        request, form = self.request(name), self.request(name).rules.forming
        others = [m for m in FULL if m != request.member]
        return tx.ChooseTeam(name, tuple(self.rng.sample(others, min(5, form.size + form.bench + 1))))

    def application(self, name: str, member: str, analyst: bool = False) -> tx.Apply:
        """An application as the rules want it, with the member's own units where it has them."""
        request, rng = self.request(name), self.rng
        form = request.rules.forming
        units = () if analyst or not form.units else self.unit_uses(request, member)
        salt = salt_commitment(name, member, self.salt(name, member)) if ru.draws(request.rules) else None
        amount = 0 if analyst else rng.choice((10, 20, 50)) if form.amount or rng.random() < 0.5 else 0
        return tx.Apply(name, rng.randrange(10**6), amount, units, None if analyst else salt, analyst)

    def unit_uses(self, request: r.Request, member: str) -> tuple[tx.UnitUse, ...]:
        """A unit or two of the member's with the grants that fit this request best."""
        found: list[tx.UnitUse] = []
        grants = [g for _, g in sorted(self.rows(st.GRANTS).items()) if g.owner == member and not g.revoked]
        grants = [g for g in grants if g.to in ("*", request.member) and g.purpose == request.purpose]
        grants = [g for g in grants if self.world.time < g.until and g.used < g.uses]
        for grant in grants:
            unit = self.rows(st.UNITS)[(grant.unit,)]
            fresh = unit.unit not in [use.unit for use in found]
            if unit.active and unit.owner == member and fresh:
                found.append(tx.UnitUse(unit.unit, grant.grant, self.events(request.rules)))
        return tuple(found[: 1 + (self.rng.random() < 0.2)])

    def events(self, rules: ru.Rules) -> tuple[tuple[str, Any], ...]:
        named = [rule for rule in ru.all_phases(rules) if rule.event is not None]
        chosen = [rule for rule in named if self.rng.random() < 0.4]
        return tuple((rule.name, own_event(self.rng, rule.event)) for rule in chosen if rule.event)

    def _serving(self, name: str) -> Iterator[Duty]:
        opened = self.open_phase(name)
        if opened is None:
            return
        phase, rule = opened
        owed = phase.owed[phase.cursor : phase.cursor + 1] if rule.turn == "in_order" else phase.owed
        for member in owed:
            posting = self.posting(name, member)
            if phase.revealing:
                if (
                    posting is not None
                    and posting.values is None
                    and isinstance(posting.content, tx.Committed)
                ):
                    yield member, partial(self.reveal, name, phase, member)
            elif posting is None:
                yield member, partial(self.post, name, phase, rule, member)

    def post(self, name: str, phase: r.Phase, rule: ru.PhaseRule, member: str) -> tx.Post:
        return tx.Post(name, phase.round, rule.name, self.content(name, phase, rule, member))

    def _ending(self, name: str, progress: r.Progress) -> Iterator[Duty]:
        said = [m for of, m in self.rows(st.STATEMENTS) if of == name]
        if progress.stage == "recording":
            recorder = progress.recorders[progress.attempt]
            yield recorder, lambda: tx.PostRecord(name, progress.model, self.measured(name))
        elif progress.stage == "approving":
            for member in progress.recorders:
                if member != progress.recorders[progress.attempt] and member not in said:
                    yield member, lambda: self.approval(name)
        elif progress.stage == "sealed":
            request = self.request(name)
            yield request.member, lambda: tx.OpenTest(name, *test_secrets(request.plan))
        elif progress.stage == "certifying":
            for member in progress.recorders:
                if member not in said:
                    yield member, lambda: tx.Certify(name, self.measured(name))

    def approval(self, name: str) -> tx.Approve:
        lost = self.rng.random() < self.malice / 3
        return tx.Approve(name, None if lost else self.measured(name))

    # --- what they contain ------------------------------------------------------------------------

    def salt(self, *parts: object) -> bytes:
        return hashed("salt", *parts)

    def measured(self, name: str) -> int:
        """What a member measures on the recorded model; now and then something else."""
        agreed = self.request(name).rules.electing.tolerance
        figure = 650_000 + int.from_bytes(hashed(name)[:2], "big")
        if self.rng.random() < self.malice:
            return figure + self.rng.choice((-1, 1)) * self.rng.choice((agreed + 1, 500_000))
        return figure + self.rng.randint(0, agreed // 2)

    def content(self, name: str, phase: r.Phase, rule: ru.PhaseRule, member: str) -> tx.Content:
        bad = self.rng.random() < self.malice
        if bad and self.rng.random() < 0.25:
            return tx.Declined(self.rng.randrange(5), hashed("log"))
        if rule.content == "model":
            lazy = hashed(name, phase.round, member, "copies")[0] < 14
            copied = lazy or (bad and self.rng.random() < 0.4)
            state = self.world.reader.find(st.ROUNDS, name)
            known = state.hashes if state else ()
            own = hashed(name, phase.round, rule.name, member)
            plain = self.rng.choice(known) if copied and known else own
            cipher = hashed(plain, "cipher")
            return tx.Model(tx.Payload(1_000, plain, cipher, hashed(plain, "chunks")), rows=100)
        if rule.content == "inline":
            return tx.Inline(b"a share")
        if rule.content == "salt":
            return tx.SaltReveal(self.salt(name, member))
        values = self.vector(name, phase, rule, member)
        if not rule.sealed:
            return tx.Scores(values)
        if bad and self.rng.random() < 0.3:
            values = (*values, tx.Score(0))  # a vector that nobody will accept when it is opened
        self.vectors[name, phase.round, rule.name, member] = values
        salt = self.salt(name, phase.round, rule.name, member)
        return tx.Committed(score_commitment(name, phase.round, rule.name, member, values, salt))

    def vector(self, name: str, phase: r.Phase, rule: ru.PhaseRule, member: str) -> tuple[tx.Score, ...]:
        """What a judge measures: the start, then every subject; with liars, lost payloads and idlers."""
        rng = self.rng
        start = 560_000 + 20_000 * self.progress(name).completed + rng.randint(-2_000, 2_000)
        scores = [tx.Score(start)]
        strays = hashed(name, phase.round, member, "strays")[0] < 20
        for subject in subjects_of(rule, phase, member):
            skill = int.from_bytes(hashed(name, subject)[:2], "big") * 3
            figure = start + skill + rng.randint(-3_000, 3_000)
            lazy = int.from_bytes(hashed(name, phase.round, subject, "temper")[:1], "big")
            verdict = "fine"
            if lazy < 12:
                verdict = "unavailable"
            elif lazy < 24:
                verdict, figure = rng.choice(("copy", "unchanged")), start
            elif lazy < 50:
                figure = start - 10 * skill
            elif strays:
                figure = start + rng.choice((-1, 1)) * 10**6
            elif lazy < 100 and rng.random() < 0.5:  # some say so and others do not
                verdict = "unavailable" if lazy < 60 else "copy"
            if rng.random() < self.malice / 2:
                figure = rng.choice((0, -(10**12), 10**12, start))
            if rng.random() < self.malice / 3:
                verdict = rng.choice(tx.VERDICTS)
            scores.append(tx.Score(figure, verdict))  # type: ignore[arg-type]
        return tuple(scores)

    def reveal(self, name: str, phase: r.Phase, member: str) -> tx.Reveal:
        """The vector that was committed to."""
        values = self.vectors.get((name, phase.round, phase.name, member), (tx.Score(0),))
        salt = self.salt(name, phase.round, phase.name, member)
        return tx.Reveal(name, phase.round, phase.name, values, salt)
