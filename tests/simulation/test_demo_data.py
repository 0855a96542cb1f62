"""The demo's clinics: real recordings, whole people, and sharing that helps on people nobody has seen."""

from dataclasses import replace as changed

import jax
import pytest
from msgspec.structs import replace

from tallystick.base.ids import digest
from tallystick.learning import payload
from tallystick.learning.models import mlp
from tallystick.learning.scan import scan
from tallystick.protocols.composing import composed
from tallystick.protocols.request_plan import RequestPlan
from tallystick.simulation.baselines import baselines
from tallystick.simulation.demo_data import CLINICS, Watches, watches
from tallystick.simulation.run import simulate
from tallystick.simulation.setting import Setting


@pytest.fixture(scope="module")
def clinics() -> Watches:
    return watches()


def test_nobody_is_in_two_places(clinics):
    assert tuple(clinics.members) == CLINICS
    assert sum(clinics.people.values()) + 3 == 10
    rows = [part.tobytes() for member in clinics.members.values() for part in member.training.x]
    assert len(set(rows)) == len(rows)
    held = {part.tobytes() for part in clinics.test.x}
    assert held.isdisjoint(rows)


def test_sharing_beats_staying_alone_on_new_people(tmp_path, clinics):
    learner = mlp(64, rate=0.01, optimiser="adam")
    plan = RequestPlan(
        clinics.task, "mutual", "1", learner.name, learner.version, digest(b"source"), batch=16, epochs=5
    )
    protocol = composed("mutual", {"size": 5, "deposit": 0}).protocol
    protocol = changed(protocol, elect=replace(protocol.elect, tolerance=200_000))
    setting = Setting(plan, protocol, learner, scan(), clinics.members, rounds=6)
    ended = simulate(setting, tmp_path / "ledger")
    first = learner.init(plan, jax.random.key(plan.seed))
    model = payload.decode(ended.model, payload.specs_of(first))[1]
    reached = float(learner.evaluate(model, clinics.test, clinics.task.measure))
    beside = baselines(setting, first, clinics.test)
    assert ended.record.stands
    assert reached > max(0.6, sum(beside.alone.values()) / 5)
    assert beside.pooled > 0.6
