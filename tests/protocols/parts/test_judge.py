"""Judging in one call: right values, nothing twice, abstaining, copies seen by all alike."""

from dataclasses import replace

import numpy as np
import pytest

from tallystick.base.task import task
from tallystick.learning.judge import judge_one_by_one
from tallystick.learning.models import linear
from tallystick.protocols.parts.judge import judge, measure_angles
from tallystick.protocols.session import RequestSession
from tallystick.protocols.vocabulary import Unfit
from tests.protocols.bench import ROWS, SOFTMAX, bench, first_model, job, ran, said, small

NAMES = [f"site-{number}" for number in range(4)]


def moved(by: float, seed: int = 0) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)
    return {
        name: (part + by * chance.normal(size=part.shape)).astype(np.float32)
        for name, part in first_model().items()
    }


def judged(posted, judges=(0, 1, 2, 3), given=None, start=None, session=None, **how):
    together = session or RequestSession()
    jobs = [
        job(
            number,
            session=together,
            start=start or first_model(),
            inbox={"train": posted},
            subjects=tuple(name for name in posted if name != f"site-{number}"),
        )
        for number in judges
    ]
    return [made.scores for made in judge("train", **{"fewest": 50, **how}).serve(given or bench(), jobs)]


def test_values_are_those_of_the_learners_own_evaluate():
    posted = {name: moved(0.3, seed) for seed, name in enumerate(NAMES)}
    for number, scores in enumerate(judged(posted)):
        others = [posted[name] for name in NAMES if name != f"site-{number}"]
        rows, tool = ROWS[number][1], bench()
        wanted = [float(SOFTMAX.evaluate(model, rows, tool.measure)) for model in (first_model(), *others)]
        assert [value for value, _ in scores] == pytest.approx(wanted, abs=1e-6)


def test_no_pair_is_measured_twice():
    asked = []

    def counting(given):
        asked.append(int(given.asked.sum()))
        return judge_one_by_one(given)

    same = first_model()  # it was posted by two, and is the start as well
    posted = {"site-0": same, "site-1": moved(0.2), "site-2": same, "site-3": moved(0.4, 3)}
    judged(posted, session=RequestSession(judge=counting))
    # Three distinct models: judge 1 has no need of its own, judge 3 neither.
    assert asked == [3 + 2 + 3 + 2]


def test_who_has_too_few_rows_abstains_from_everything():
    posted = {name: moved(0.2, seed) for seed, name in enumerate(NAMES)}
    for scores in judged(posted, fewest=200):
        assert {verdict for _, verdict in scores} == {"abstain"}
        assert len(scores) == 4


def test_lost_posts_are_named_and_not_guessed():
    posted = {"site-0": moved(0.1), "site-1": "unavailable", "site-2": "malformed"}
    (scores,) = judged(posted, judges=[3])
    assert [verdict for _, verdict in scores] == ["fine", "fine", "unavailable", "malformed"]


def test_the_later_of_two_alike_is_the_copy_and_the_start_is_no_training():
    honest = {name: moved(0.2, seed) for seed, name in enumerate(NAMES)}
    copied = {**honest, "copier": {n: p + np.float32(1e-4) for n, p in honest["site-1"].items()}}
    idle = {**honest, "idler": first_model()}
    for posted, verdict in ((copied, "copy"), (idle, "unchanged")):
        for scores in judged(posted, judges=[0, 2]):
            assert [said for _, said in scores] == ["fine"] * 4 + [verdict]


def test_the_last_rounds_step_or_anothers_taken_again_is_a_copy_whoever_judges_first():
    start = first_model()
    posted = {name: moved(0.3, seed) for seed, name in enumerate(NAMES)}
    tool, session = bench(), RequestSession()
    judged(posted, given=tool, session=session)
    after = {name: np.mean([posted[m][name] for m in NAMES], axis=0) for name in start}
    common = {name: after[name] + 2 * (after[name] - start[name]) for name in start}
    anothers = {name: after[name] + posted["site-1"][name] - start[name] for name in start}
    own = {name: after[name] + posted["site-2"][name] - start[name] for name in start}
    fresh = {name: after[name] + moved(0.3, 9)[name] - start[name] for name in start}
    again = dict(zip(NAMES, (common, anothers, own, fresh), strict=True))
    again["site-1"], again["site-0"] = fresh, anothers  # what site-1 posted is taken again by site-0
    for first in (0, 3):
        jobs = [
            job(number, round=2, start=after, inbox={"train": again}, subjects=tuple(again), session=session)
            for number in (first, 1)
        ]
        for one in jobs:  # each judge in a call of its own
            (made,) = judge("train", fewest=50).serve(tool, [one])
            verdicts = dict(zip(again, (verdict for _, verdict in made.scores[1:]), strict=True))
            assert verdicts["site-0"] == "copy"
            assert verdicts["site-2"] == "fine"  # its own last step is its own to repeat


def test_one_huge_update_makes_nobody_else_a_copy():
    posted = {name: moved(0.2, seed) for seed, name in enumerate(NAMES)}
    posted["attacker"] = moved(500.0, 9)
    for scores in judged(posted):
        assert {verdict for _, verdict in scores} == {"fine"}


def test_a_hop_that_hands_on_what_it_was_given_is_unchanged():
    one, two = moved(0.1, 1), moved(0.2, 2)
    posted = {"site-0": one, "site-1": one, "site-2": two}
    (scores,) = judged(posted, judges=[3], hops=True)
    assert [verdict for _, verdict in scores] == ["fine", "fine", "unchanged", "fine"]


def test_loss_gain_is_judged_where_the_plan_says_so():
    tool = bench(loss_gain="true")
    assert tool.judged.name == "loss_gain" and tool.measure.name == "accuracy"
    posted = {name: moved(0.3, seed) for seed, name in enumerate(NAMES)}
    ((start, _), *_), *_ = judged(posted, given=tool)
    assert start == pytest.approx(float(SOFTMAX.evaluate(first_model(), ROWS[0][1], tool.judged)), abs=1e-6)


def test_loss_gain_reaches_the_ledger(tmp_path):
    """A network that knows the digits gains more than a nat, which no share of right answers can be."""
    ended = ran(small("mutual"), tmp_path, settings=(("loss_gain", "true"),))
    assert ended.progress.stage == "settled"
    assert ended.record is not None
    figures = [notice.figure for notice in said(ended, "RoundEnded")]
    assert figures[-1] != ended.record.figure
    assert -20_000_000 < figures[0] < figures[1] <= round(np.log(10) * 1e6)
    assert 0 < ended.record.figure <= 1_000_000  # what is recorded is the plan's own measure


def test_loss_gain_does_not_judge_errors():
    regression = task(["a"], "b")
    tool = replace(bench(loss_gain="true"), measure=regression.measure, learner=linear())
    with pytest.raises(Unfit, match="loss gain"):
        _ = tool.judged


def test_angles_are_those_between_hops_and_the_whole_way():
    tool, session, first = bench(), RequestSession(), first_model()
    along = {name: part + 1 for name, part in first.items()}
    across = {name: part + (-1) ** np.arange(part.size).reshape(part.shape) for name, part in along.items()}
    across = {name: part.astype(np.float32) for name, part in across.items()}
    back = {name: part - 1 for name, part in across.items()}
    posted = {"site-0": along, "site-1": across, "site-2": back}
    judged(posted, judges=[3], session=session, hops=True, trail=True)
    judged(posted, judges=[0], session=session, hops=True, trail=True)  # a round is noted once
    asked = job(3, start=along, first=first, subjects=("site-0", "site-1", "site-2", "late"), session=session)
    ((_, *scores),) = [made.scores for made in measure_angles("train").serve(tool, [asked])]
    assert [value for value, _ in scores[:3]] == pytest.approx([0, np.pi / 2, np.pi], abs=1e-3)
    assert scores[3][1] == "abstain"


def test_who_saw_no_hop_abstains_on_angles():
    asked = job(3, first=first_model(), subjects=("site-0",))
    (made,) = measure_angles("train").serve(bench(), [asked])
    assert {verdict for _, verdict in made.scores} == {"abstain"}
