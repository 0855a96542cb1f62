"""What a rule gets is whole: finite models, with starts, weights and scores that belong to them."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.learning.learner import NotFinite
from tallystick.learning.posted import PostedModels, after, ensure_tolerates
from tests.learning.posts import posted, with_models


def test_values_that_are_not_finite_never_reach_a_rule() -> None:
    given = posted()
    for bad in (np.nan, np.inf, -np.inf):
        spoilt = given.models.copy()
        spoilt[4, 5] = bad
        with pytest.raises(NotFinite, match="members 4 hold"):
            with_models(given, spoilt)
    spoilt = given.models.copy()
    spoilt[2, 0], spoilt[2, 1] = np.inf, -np.inf
    with pytest.raises(NotFinite, match="members 2 hold"):
        with_models(given, spoilt)
    with pytest.raises(NotFinite, match="the root"):
        posted(root=np.full(700, np.nan, np.float32))


@pytest.mark.parametrize("wrong, word", [
    ({"weights": np.zeros(9, np.int64)}, "one of them above"),
    ({"weights": np.array([-1, *[1] * 8])}, "at least 0"),
    ({"weights": np.ones(3, np.int64)}, "of those sizes"),
    ({"scores": np.ones(3)}, "as many scores"),
])  # fmt: skip
def test_what_does_not_belong_together_is_refused(wrong, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        posted(**wrong)
    with pytest.raises(ValueError, match="nobody posted"):
        posted(members=0)


def test_steps_come_before_the_rule_in_their_order() -> None:
    def doubled(given: PostedModels) -> PostedModels:
        return with_models(given, given.models * 2)

    def raised(given: PostedModels) -> PostedModels:
        return with_models(given, given.models + 1)

    given = with_models(posted(2, 3), np.ones((2, 3)))
    first = after(doubled, raised, rule=lambda these: these.models[0])
    assert first(given).tolist() == [3, 3, 3]
    assert after(raised, doubled, rule=lambda these: these.models[0])(given).tolist() == [4, 4, 4]


def test_a_rule_withstands_no_fewer_than_none() -> None:
    ensure_tolerates("Krum", posted(3), 0, 3)
    for attackers, needed in ((-1, 1), (0, 4)):
        with pytest.raises(
            ValueError, match=f"against {attackers} attackers needs at least {needed} members"
        ):
            ensure_tolerates("Krum", posted(3), attackers, needed)
