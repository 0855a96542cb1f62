"""Every preset with every learner on every engine: same events however it is run, an end whatever fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tallystick.base.codec import encode
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.notices import Fined, MemberLeft, Posted, PrivacyCharged
from tallystick.ledger.state import GRANTS
from tallystick.protocols.noise import dp_sgd
from tallystick.protocols.presets import names
from tallystick.protocols.vocabulary import Unfit, ensure_fit
from tallystick.simulation import faults
from tallystick.simulation.behaviours import Behaviour
from tallystick.simulation.run import Ended
from tallystick.simulation.setting import BUDGET, Setting
from tests.architecture.source import ROOT
from tests.conformance.battery import (
    ENGINES,
    LEARNERS,
    ON_VALIDATORS,
    comet_version,
    events,
    fitting,
    page,
    protocol,
    ran,
    setting,
    why_unfit,
)

VICTIM = "site-1"
TOKENS = 5 * 10_000 + 1_000


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Any:
    return ENGINES[request.param]


def phases_of(name: str) -> list[tuple[str, int]]:
    """Every phase in which a member may fall, with its round: opening phases come before round 1."""
    made = protocol(name)
    mine = [phase for phase in made.phases if phase.turn != "leader" or made.form.leader != "analyst"]
    return [*((phase.name, 0) for phase in made.opening), *((phase.name, 1) for phase in mine)]


def ended_well(ended: Ended, given: Setting) -> None:
    assert ended.progress.stage in ("settled", "refunded")
    assert sum(ended.balances.values()) == TOKENS + 10_000 * given.analyst


@pytest.mark.parametrize(("name", "learner"), list(fitting()))
def test_members_stepped_apart_say_the_same(tmp_path, engine, name, learner):
    given = setting(name, learner)
    together = ran(given, tmp_path / "together", engine)
    apart = ran(replace(given, apart=True), tmp_path / "apart", engine)
    assert together.progress.stage == "settled" and together.progress.completed == 1
    assert events(together) == events(apart)
    assert together.balances == apart.balances
    assert together.progress.model == apart.progress.model
    ended_well(together, given)


@pytest.mark.parametrize("name", names())
def test_same_seed_same_head(tmp_path, engine, name):
    one, two = (ran(setting(name), tmp_path / place, engine) for place in ("one", "two"))
    other = ran(setting(name, seed=8), tmp_path / "other", engine)
    assert one.head == two.head != other.head


class Made:
    """Counts what members make, and keeps what they send: nothing may be made or released twice."""

    def __init__(self) -> None:
        self.made: Counter[tuple[str, int, str]] = Counter()
        self.sent: dict[tuple[str, int, str], set[bytes]] = {}

    def behaviour(self) -> Behaviour:
        def count(phase: Any, honest: Callable[..., Any]) -> Callable[..., Any]:
            def serve(bench: Any, jobs: Sequence[Any]) -> Any:
                self.made.update((job.member, job.round, phase.name) for job in jobs)
                return honest(bench, jobs)

            return serve

        return Behaviour("is watched", (), serve=count)

    def alter(self, node: Any, body: Any) -> Any:
        if isinstance(body, tx.Post):
            duty = (node.member, body.round, body.phase)
            self.sent.setdefault(duty, set()).add(encode(body.content))
        return body


@pytest.mark.parametrize("when", ["before", "made, and is back", "sent"])
@pytest.mark.parametrize(("name", "phase", "round_"), [(n, *p) for n in names() for p in phases_of(n)])
def test_a_crash_in_any_phase_ends_well_and_releases_nothing_twice(
    tmp_path, engine, name, phase, round_, when
):
    seen = Made()
    back = 60_000 if "back" in when else None
    fall = faults.crash(VICTIM, phase, round_, when.split(",")[0], back)
    given = setting(name, behaviours=(fall, seen.behaviour()), alter=seen.alter)
    ended_well(ran(given, tmp_path, engine), given)
    assert max(seen.made.values()) == 1
    assert all(len(contents) == 1 for contents in seen.sent.values())


@pytest.mark.parametrize("name", names())
def test_privacy_is_charged_before_use_and_refused_when_it_is_spent(tmp_path, engine, name):
    made = protocol(name, least_rows=20, **dp_sgd(8, 1e-5).asked)
    ended = ran(setting(name, protocol=made), tmp_path / "enough", engine)
    trains = {phase.name for phase in made.phases if phase.do.rows == "training"}
    charged = posted = 0
    for _, notice in ended.notices:
        charged += isinstance(notice, PrivacyCharged) and notice.phase in trains
        posted += isinstance(notice, Posted) and notice.phase in trains
        assert posted <= charged
    assert posted == charged == 5
    spent = replace_budget(BUDGET.epsilon_nano // 10**9)
    with pytest.raises(ValueError, match="refused"):
        ran(setting(name, protocol=made, budget=spent), tmp_path / "short", engine)


def replace_budget(epsilon_nano: int) -> tx.PrivacyBudget:
    return tx.PrivacyBudget(epsilon_nano, BUDGET.delta_e12, BUDGET.protects)


@pytest.mark.parametrize("name", names())
def test_a_grant_that_is_taken_back_stops_the_next_phase(tmp_path, engine, name):
    done: list[str] = []

    def act(world):
        progress = world.progress
        if done or progress is None or progress.stage != "rounds":
            return []
        grants = views.every(world.engine, GRANTS)
        grant = next(one.grant for one in grants if one.owner == VICTIM)
        done.append(world.open_phase.name)
        return [(world.nodes[VICTIM], tx.RevokeGrant(grant))]

    given = setting(name, rounds=2, behaviours=(Behaviour("takes its grant back", (VICTIM,), act=act),))
    ended = ran(given, tmp_path, engine)
    ended_well(ended, given)
    said = [notice for _, notice in ended.notices]
    gone, left = next(
        (i, one) for i, one in enumerate(said) if isinstance(one, MemberLeft) and one.member == VICTIM
    )
    assert left.reason == "withdrawn"
    assert not any(isinstance(one, Posted) and one.member == VICTIM for one in said[gone:])
    assert any(isinstance(one, Fined) and one.member == VICTIM for one in said)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("learner", LEARNERS)
def test_what_does_not_fit_is_refused_by_name(tmp_path, engine, name, learner):
    if not why_unfit(name, LEARNERS[learner].learner):
        ensure_fit(protocol(name), LEARNERS[learner].learner)
        return
    with pytest.raises(Unfit, match="needs parameters"):
        ran(setting(name, learner), tmp_path, engine)
    assert not (tmp_path / "ledger").exists()


def test_the_page_shows_the_matrix():
    assert (ROOT / "docs" / "reference" / "compatibility.md").read_text() == page()


def test_the_page_names_the_presets_that_validators_really_serve():
    """The module of what is run on validators is read, though not run: it may not rot unseen."""
    from tests.cometbft import bft_conformance, bft_network

    (mark,) = bft_conformance.test_a_scheme.pytestmark
    assert mark.args == ("name", ON_VALIDATORS)
    assert bft_network.test_smoke_transactions_are_proven_and_the_chain_goes_quiet
    text = page()
    assert all(f"`{name}`" in text.partition("## Engines")[2] for name in ON_VALIDATORS)
    assert comet_version() in text
