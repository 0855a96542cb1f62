"""Faults and attacks are added to a run from outside: what they do shows on the ledger."""

from collections import Counter

import jax
import numpy as np
import pytest

from tallystick.learning import payload
from tallystick.learning.learner import Rows, vector_of
from tallystick.simulation import attacks, faults
from tallystick.simulation.behaviours import Behaviour
from tallystick.simulation.run import simulate
from tests.simulation.digits import LEARNER, TASK, brought, setting

MINUTE = 60_000
BLANK = LEARNER.init(setting("mutual").plan, jax.random.key(0))


def ran(folder, *parts, name="mutual", rounds=2, deposit=300, **more):
    return simulate(setting(name, rounds, deposit, behaviours=tuple(parts), **more), folder)


def said(ended, kind):
    return [notice for _, notice in ended.notices if type(notice).__name__ == kind]


def missed(ended):
    return [
        (notice.member, notice.round, notice.phase, notice.reason) for notice in said(ended, "TurnMissed")
    ]


def attacked(folder, attack, *who, **more):
    return ran(folder, *attacks.behaviours(dict.fromkeys(who or ("site-1",), attack)), **more)


def test_who_leaves_is_gone_and_the_others_go_on(tmp_path):
    ended = ran(tmp_path, faults.leave("site-2", round=2))
    assert [(one.member, one.reason) for one in said(ended, "MemberLeft")] == [("site-2", "left")]
    assert ended.progress.stage == "settled"
    assert not [one for one in said(ended, "Posted") if one.member == "site-2" and one.round == 2]


def test_the_silent_and_the_cut_off_miss_their_turns(tmp_path):
    ended = ran(tmp_path, faults.silent("site-2", round=2), faults.cut_off("site-3", round=1))
    assert Counter((member, round_) for member, round_, _, _ in missed(ended)) == {
        ("site-2", 2): 2,
        ("site-3", 1): 2,
    }
    fined = {one.member: one.amount for one in said(ended, "Fined")}
    assert set(fined) == {"site-2", "site-3"}
    assert ended.balances["site-2"] < ended.balances["site-0"]


def test_late_is_in_time_or_too_late(tmp_path):
    in_time = ran(tmp_path / "a", faults.late("site-2", by=30 * MINUTE, rounds=1), rounds=1)
    too_late = ran(tmp_path / "b", faults.late("site-2", by=90 * MINUTE, rounds=1), rounds=1)
    assert missed(in_time) == []
    assert {member for member, *_ in missed(too_late)} == {"site-2"}


def test_work_that_was_made_before_a_crash_is_sent_as_it_was(tmp_path):
    """The node returns with what lay on its disk and posts those bytes: nothing is trained twice."""
    plain = ran(tmp_path / "a", rounds=1)
    back = ran(tmp_path / "b", faults.crash("site-2", "train", back=20 * MINUTE), rounds=1)
    gone = ran(tmp_path / "c", faults.crash("site-2", "train"), rounds=1)
    assert missed(back) == []
    assert _posted(back)["site-2"] == _posted(plain)["site-2"]
    assert len([one for one in back.payloads.values() if _author(one) == "site-2"]) == 1
    assert ("site-2", 1, "train", "silent") in missed(gone)


@pytest.mark.parametrize("phase", ["train", "judge", "combine"])
@pytest.mark.parametrize("when", ["before", "made", "sent"])
def test_a_crash_for_good_ends_settled_or_refunded(tmp_path, phase, when):
    leader = said(ran(tmp_path / "a", rounds=1), "TeamFormed")[0].leader
    ended = ran(tmp_path / "b", faults.crash(leader, phase, when=when))
    assert ended.progress.stage in ("settled", "refunded")
    assert sum(ended.balances.values()) == 5 * 10_000 + 1_000
    posts = Counter((one.member, one.round, one.phase) for one in said(ended, "Posted"))
    assert max(posts.values()) == 1


def test_models_whose_bytes_are_withheld_earn_nothing(tmp_path):
    ended = ran(tmp_path, faults.withhold("site-2"))
    assert {member for member, _, phase, reason in missed(ended) if reason == "unavailable"} == {"site-2"}
    assert ended.balances["site-2"] < 10_000


@pytest.mark.parametrize("name", ["sign-flip:5", "random", "alie", "label-flip", "label-flip:3"])
def test_bad_models_are_posted_by_attackers_alone(tmp_path, name):
    plain, bad = ran(tmp_path / "a", rounds=1), attacked(tmp_path / "b", attacks.named(name), rounds=1)
    assert _differing(plain, bad) == {"site-1"}


def _differing(plain, bad):
    one, other = (_posted(ended) for ended in (plain, bad))
    return {member for member in one if one[member] != other[member]}


def _posted(ended):
    """What each member posted first; what the leader combined comes after."""
    found = {}
    for data in ended.payloads.values():
        found.setdefault(_author(data), data)
    return {author: data for author, data in found.items() if author.startswith("site")}


def _author(data):
    return payload.decode(data, payload.specs_of(BLANK))[0].member


def test_a_model_that_steps_the_other_way_earns_nothing(tmp_path):
    ended = attacked(tmp_path, attacks.sign_flip(5))
    paid = {one.member for one in said(ended, "Paid") if one.why == "reward"}
    assert paid == {"site-0", "site-2", "site-3", "site-4"}


def test_who_posts_the_start_or_anothers_hash_is_not_paid_for_it(tmp_path):
    rider = attacked(tmp_path / "a", attacks.free_rider())
    copier = attacked(tmp_path / "b", attacks.copier())
    paid = {one.member for one in said(rider, "Paid") if one.why == "reward"}
    assert "site-1" not in paid and "site-0" in paid
    assert ("site-1", 1, "train", "copied") in missed(copier)
    assert copier.balances["site-1"] < 10_000


def test_colluding_judges_do_not_move_the_median(tmp_path):
    plain = ran(tmp_path / "a", rounds=1)
    ended = attacked(tmp_path / "b", attacks.collude(), "site-1", "site-2", rounds=1)
    assert abs(ended.progress.figure - plain.progress.figure) < 100_000
    assert ended.progress.stage == "settled"


def test_a_lie_about_size_reaches_the_ledger(tmp_path):
    plain = ran(tmp_path / "a", name="averaging", rounds=1)
    ended = attacked(tmp_path / "b", attacks.lie_about_size(10), name="averaging", rounds=1)
    assert ended.progress.stage == "settled"
    assert _posted(ended) == _posted(plain)
    assert ended.progress.model != plain.progress.model


def test_labels_are_turned_around_where_the_attacker_trains():
    part = attacks.label_flip().by(("site-1",), frozenset({"site-1"}))
    rows = brought()["site-1"].training
    assert (part.rows(rows, TASK).y == 9 - rows.y).all()
    assert (part.rows(Rows(rows.x, rows.y / 2), _regression()).y == -rows.y / 2).all()


def test_turned_labels_may_come_with_a_longer_step(tmp_path):
    once, thrice = (
        attacked(tmp_path / name, attacks.named(name), rounds=1) for name in ("label-flip", "label-flip:3")
    )
    start = vector_of(BLANK)
    steps = [
        vector_of(payload.decode(_posted(ended)["site-1"], payload.specs_of(BLANK))[1]) - start
        for ended in (once, thrice)
    ]
    assert np.linalg.norm(steps[1] - 3 * steps[0]) < 1e-5 * np.linalg.norm(steps[1])


def _regression():
    from tallystick.base.task import task

    return task(["a"], "b")


def test_attackers_with_one_attack_act_as_one():
    made = attacks.behaviours({"a": attacks.alie(), "b": attacks.alie(), "c": attacks.copier()})
    assert [part.members for part in made] == [("a", "b"), ("c",)]


def test_strangers_and_unknown_attacks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no member 'site-9'"):
        ran(tmp_path, Behaviour("x", ("site-9",)))
    with pytest.raises(ValueError, match="no attack 'sing-flip'"):
        attacks.named("sing-flip")
    with pytest.raises(ValueError, match="copier cannot be given '3'"):
        attacks.named("copier:3")
    assert attacks.named("sign-flip:5").id == attacks.sign_flip(5).id
