"""Relay: hand-over, angles in a closing phase, noised releases, noise at every hop."""

import jax
import numpy as np
import pytest

from tallystick.learning import payload
from tallystick.learning.learner import vector_of
from tallystick.ledger import transactions as tx
from tallystick.ledger.rules import flaw
from tallystick.protocols.noise import per_hop
from tallystick.protocols.parts.share import train_last_hop
from tallystick.protocols.vocabulary import rules_of
from tests.protocols.bench import PLAN, arrays, bench, first_model, job, ran, said, small
from tests.simulation.digits import LEARNER


def first(ended=None):
    """The model that round 1 started from."""
    return {n: np.asarray(part) for n, part in LEARNER.init(PLAN, jax.random.key(0)).items()}


def test_each_hop_trains_on_from_the_last_that_can_be_used():
    second = {name: part + 1 for name, part in first_model().items()}
    do = train_last_hop("train")
    jobs = [
        job(0, inbox={"train": {}}),
        job(1, inbox={"train": {"site-0": first_model(), "site-3": second, "site-4": "malformed"}}),
    ]
    made = [do.serve(bench(), [one])[0] for one in jobs]
    assert [product.parents for product in made] == [(), ("site-3",)]
    assert np.linalg.norm(vector_of(made[1].model) - vector_of(second)) < np.linalg.norm(
        vector_of(made[1].model) - vector_of(first_model())
    )


@pytest.mark.parametrize("weight", ["angle", "angle_as_printed"])
def test_angles_are_what_the_judges_measured(tmp_path, weight):
    """Pay follows eq. 8-9 from the angles; each judge's figure is an arccos of public vectors."""
    posted: dict[str, list] = {}
    figures: dict[str, dict[str, int]] = {}

    def watch(node, body):
        if isinstance(body, tx.Post) and body.phase == "train":
            data = node.worker.payloads.get(body.content.payload.plaintext)
            model = payload.decode(data, payload.specs_of(first()))[1]
            posted.setdefault("order", []).append((node.member, vector_of(model)))
        if isinstance(body, tx.Reveal) and body.phase == "angles":
            others = sorted({member for member, _ in posted["order"]} - {node.member})
            figures[node.member] = dict(zip(others, [v.figure for v in body.values[1:]], strict=True))
        return body

    ended = ran(small("relay", weight=weight), tmp_path, alter=watch)
    start, hops = vector_of(first()), posted["order"]
    sums, before = {}, start
    for member, after in hops:
        sums[member] = sums.get(member, 0) + (after.astype(np.float64) - before)
        before = after
    way = before.astype(np.float64) - start
    for judge, found in figures.items():
        for member, figure in found.items():
            cosine = sums[member] @ way / np.linalg.norm(sums[member]) / np.linalg.norm(way)
            assert figure == pytest.approx(np.arccos(cosine) * 1e6, abs=200), (judge, member)
    assert ended.progress.stage == "settled"
    assert ended.record is not None
    paid, first_of = dict(ended.record.contributions), next(iter(figures.values()))
    best, worst = min(first_of, key=first_of.get), max(first_of, key=first_of.get)
    # Erratum 1: as printed, who pulls away most is paid most.
    assert (paid[best] > paid[worst]) is (weight == "angle")


def test_the_recorded_model_carries_the_leaders_noise(tmp_path):
    plain = arrays(ran(small("relay"), tmp_path / "plain"))
    noised = arrays(ran(small("relay", release="as_printed", release_epsilon=20), tmp_path / "noised"))
    noise = np.concatenate([(noised[name] - plain[name]).ravel() for name in plain])
    assert noise.std() == pytest.approx(np.sqrt(2) / 20, rel=0.1)


def test_a_release_that_protects_members_stays_near_the_first_model(tmp_path):
    """Clipped to L1 norm 0.5 before Laplace noise of scale 2 · 0.5 / 20."""
    ended = ran(small("relay", release="members", release_epsilon=20, release_bound=0.5), tmp_path)
    way = vector_of(arrays(ended)) - vector_of(first())
    assert np.abs(way).mean() == pytest.approx(2 * 0.5 / 20, rel=0.1)
    figures = [notice.figure for notice in said(ended, "RecordPosted")]
    assert figures[0] < 300_000  # as said: no better than chance


def test_noise_at_every_hop_is_charged_for_every_hop(tmp_path):
    ended = ran(small("relay", **per_hop(20, 1e-5, steps=5).asked), tmp_path)
    assert ended.progress.stage == "settled"
    charged = [n.epsilon_nano for n in said(ended, "PrivacyCharged") if n.phase == "train"]
    assert len(charged) == 10
    assert max(charged) <= 20 * 10**9
    assert ended.record is not None and ended.record.uncharged == ("judge",)


def test_angles_need_their_phase():
    from tallystick.ledger.rules import Stopping

    rules = rules_of(small("relay", weight="angle"), PLAN.task.measure, Stopping(2, 10**9))
    assert flaw(rules, 1000) is None
    assert [phase.name for phase in rules.closing] == ["angles"]
