"""Leaving, lateness, silence, crashes, lost payloads: faults show on the ledger."""

from __future__ import annotations

from collections import Counter

import pytest

from tallystick.simulation import faults
from tests.simulation.altered import MINUTE, author_of, missed, notices_of, posted, ran


def test_who_leaves_is_gone_and_the_others_go_on(tmp_path):
    ended = ran(tmp_path, faults.leave("site-2", round=2))
    assert [(one.member, one.reason) for one in notices_of(ended, "MemberLeft")] == [("site-2", "left")]
    assert ended.progress.stage == "settled"
    assert not [one for one in notices_of(ended, "Posted") if one.member == "site-2" and one.round == 2]


def test_the_silent_and_the_cut_off_miss_their_turns(tmp_path):
    ended = ran(tmp_path, faults.silent("site-2", round=2), faults.cut_off("site-3", round=1))
    assert Counter((member, round_) for member, round_, _, _ in missed(ended)) == {
        ("site-2", 2): 2,
        ("site-3", 1): 2,
    }
    fined = {one.member: one.amount for one in notices_of(ended, "Fined")}
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
    assert posted(back)["site-2"] == posted(plain)["site-2"]
    assert len([one for one in back.payloads.values() if author_of(one) == "site-2"]) == 1
    assert ("site-2", 1, "train", "silent") in missed(gone)


@pytest.mark.parametrize("phase", ["train", "judge", "combine"])
@pytest.mark.parametrize("when", ["before", "made", "sent"])
def test_a_crash_for_good_ends_settled_or_refunded(tmp_path, phase, when):
    leader = notices_of(ran(tmp_path / "a", rounds=1), "TeamFormed")[0].leader
    ended = ran(tmp_path / "b", faults.crash(leader, phase, when=when))
    assert ended.progress.stage in ("settled", "refunded")
    assert sum(ended.balances.values()) == 5 * 10_000 + 1_000
    posts = Counter((one.member, one.round, one.phase) for one in notices_of(ended, "Posted"))
    assert max(posts.values()) == 1


def test_models_whose_bytes_are_withheld_earn_nothing(tmp_path):
    ended = ran(tmp_path, faults.withhold("site-2"))
    assert {member for member, _, phase, reason in missed(ended) if reason == "unavailable"} == {"site-2"}
    assert ended.balances["site-2"] < 10_000


def test_a_fault_has_an_id_by_its_settings_and_words_for_people():
    late, later = faults.late("a", by=MINUTE), faults.late("a", by=MINUTE, phase="train")
    assert late.id != later.id
    assert str(late) == "a late by 1 min from round 1 on"
    assert faults.leave("a", 3).id == faults.leave("b", 3).id
    assert str(faults.cut_off("a", "b", round=2, rounds=3)) == "a, b cut off in rounds 2-4"
    assert len({faults.crash("a", "train", when=when).id for when in ("before", "made", "sent")}) == 3
