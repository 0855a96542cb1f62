"""Attacks are added to a run from outside: what they do shows on the ledger."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.learning import payload
from tallystick.learning.learner import Rows, vector_of
from tallystick.simulation import attacks
from tallystick.simulation.behaviours import Behaviour
from tests.simulation.altered import BLANK, attacked, missed, notices_of, posted, ran
from tests.simulation.digits import TASK, brought


@pytest.mark.parametrize("name", ["sign-flip:5", "random", "alie", "label-flip", "label-flip:3"])
def test_bad_models_are_posted_by_attackers_alone(tmp_path, name):
    plain, bad = ran(tmp_path / "a", rounds=1), attacked(tmp_path / "b", attacks.named(name), rounds=1)
    assert _differing(plain, bad) == {"site-1"}


def _differing(plain, bad):
    one, other = (posted(ended) for ended in (plain, bad))
    return {member for member in one if one[member] != other[member]}


def test_a_model_that_steps_the_other_way_earns_nothing(tmp_path):
    ended = attacked(tmp_path, attacks.sign_flip(5))
    paid = {one.member for one in notices_of(ended, "Paid") if one.why == "reward"}
    assert paid == {"site-0", "site-2", "site-3", "site-4"}


def test_who_posts_the_start_or_anothers_hash_is_not_paid_for_it(tmp_path):
    rider = attacked(tmp_path / "a", attacks.free_rider())
    copier = attacked(tmp_path / "b", attacks.copier())
    paid = {one.member for one in notices_of(rider, "Paid") if one.why == "reward"}
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
    assert posted(ended) == posted(plain)
    assert ended.progress.model != plain.progress.model


def test_labels_are_turned_around_where_the_attacker_trains():
    part = attacks.label_flip().by(("site-1",), frozenset({"site-1"}))
    rows = brought()["site-1"].training
    assert (part.rows(rows, TASK).y == 9 - rows.y).all()
    assert (part.rows(Rows(rows.x, rows.y / 2), _regression()).y == -rows.y / 2).all()


def _regression():
    from tallystick.base.task import task

    return task(["a"], "b")


def test_turned_labels_may_come_with_a_longer_step(tmp_path):
    once, thrice = (
        attacked(tmp_path / name, attacks.named(name), rounds=1) for name in ("label-flip", "label-flip:3")
    )
    start = vector_of(BLANK)
    steps = [
        vector_of(payload.decode(posted(ended)["site-1"], payload.specs_of(BLANK))[1]) - start
        for ended in (once, thrice)
    ]
    assert np.linalg.norm(steps[1] - 3 * steps[0]) < 1e-5 * np.linalg.norm(steps[1])


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


def test_an_attack_has_an_id_by_its_settings_and_words_for_people():
    assert attacks.sign_flip(5).id == "sign-flip:5.0" != attacks.sign_flip(4).id
    (made,) = attacks.behaviours({"b": attacks.sign_flip(5)})
    assert (made.id, str(made)) == ("sign-flip:5.0", "b sign-flip ×5")
    ids = [make().id for make in attacks.BY_NAME.values()]
    assert len(set(ids)) == len(ids)
