"""What members share: models handed on, combined by rows or by rule, and released with noise."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.base.events import Pure
from tallystick.learning.combine import RULES
from tallystick.privacy.mechanisms import Mechanism
from tallystick.protocols.parts.share import NEED_MORE, combine, release, reveal_salt, robust, train_last_hop
from tallystick.protocols.vocabulary import Unfit
from tests.protocols.batches import Written, bench, job, model

POSTED = {"ada": model(1, 0), "bob": model(5, 0)}


def combined(posted, rule=None, weighing="rows", **more):
    (made,) = combine("train", rule, weighing).serve(bench(Written()), [job(inbox={"train": posted}, **more)])
    return made


def test_members_weigh_by_their_rows_or_alike():
    weights = {"ada": 3, "bob": 1}
    assert combined(POSTED, weights=weights).model["w"].tolist() == [2, 0]
    assert combined(POSTED, weights=weights, weighing="equal").model["w"].tolist() == [3, 0]
    # Who says nothing, or zero, of its rows counts as having one.
    assert combined(POSTED, weights={"bob": 0}).model["w"].tolist() == [3, 0]
    assert combined(POSTED).parents == ("ada", "bob")


def test_what_cannot_be_used_is_left_out_and_of_nothing_comes_nothing():
    lost = {"ada": model(1, 0), "bob": "malformed", "cleo": "unavailable", "dan": b"bytes"}
    assert combined(lost).parents == ("ada",) and combined(lost).model["w"].tolist() == [1, 0]
    for posted in ({}, {"bob": "malformed"}):
        assert combined(posted).model is None


def test_a_rule_for_too_few_or_for_numbers_beyond_its_form_gives_nothing():
    far = {"ada": model(1, 0), "bob": model(np.inf, 0)}
    assert combined(far).model is None  # beyond the fixed point
    assert combined(far, rule=robust("median", 1)).model is None
    assert combined(POSTED, rule=robust("krum", 1)).model is None  # of two members none is nearest
    assert combined(POSTED, rule=robust("median", 1)).model is not None


def test_a_rule_has_as_many_attackers_as_so_few_members_can_withstand():
    posted = {name: model(value, 0) for name, value in (("a", 0), ("b", 1), ("c", 2), ("d", 900))}
    # Of four, one on each side may be cut: three were asked for.
    assert combined(posted, rule=robust("trimmed_mean", 3)).model["w"].tolist() == [1.5, 0]


@pytest.mark.parametrize("name", ["mode", *NEED_MORE])
def test_a_rule_that_needs_more_than_models_is_refused_with_those_that_do_not(name: str):
    with pytest.raises(
        Unfit, match=f"no rule '{name}' combines models alone; choose one of .*median"
    ) as refused:
        robust(name, 1)
    named = str(refused.value).split("choose one of ")[1].split(", ")
    assert set(named) == RULES.keys() - set(NEED_MORE)


def handed(posted, **more):
    runner = Written()
    (made,) = train_last_hop("train").serve(bench(runner), [job(inbox={"train": posted}, **more)])
    return made, runner.works[0].start_of(0)["w"].tolist()


def test_a_hop_trains_on_from_the_last_model_that_can_be_used():
    assert handed(POSTED)[1] == [5, 0] and handed(POSTED)[0].parents == ("bob",)
    made, start = handed({**POSTED, "cleo": "malformed"})
    assert (start, made.parents) == ([5, 0], ("bob",))
    for nothing in ({}, {"cleo": "unavailable"}):
        made, start = handed(nothing, start=model(9, 9))
        assert (start, made.parents) == ([9, 9], ())


SHIFT = Mechanism(lambda vector, words: vector * 10, Pure(10**9, 1))


def released(relative: bool, **more):
    (made,) = release(SHIFT, relative).serve(bench(Written()), [job(start=model(3, 4), **more)])
    return made.model


def test_a_release_noises_the_model_or_its_way_from_the_first():
    assert released(relative=False)["w"].tolist() == [30, 40]
    assert released(relative=True, first=model(1, 1))["w"].tolist() == [21, 31]
    assert released(relative=True) is None  # without the first model there is no way to noise


def test_a_salt_is_opened_without_any_work():
    do = reveal_salt()
    assert (do.content, do.rows, list(do.serve(bench(Written()), [job()]))) == ("salt", "none", [])
