"""Steps are shortened, weighed and dropped as their formulas say."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.learning.combine import weighted_mean
from tallystick.learning.posted import after
from tallystick.learning.weighting import clip_norms, drop_worst, trust_root
from tests.learning.posts import posted, with_models


def test_clipping_shortens_long_steps_only() -> None:
    given = posted()
    lengths = np.linalg.norm(given.updates(), axis=1)
    for bound, limit in ((None, np.median(lengths)), (float(lengths.min()) * 0.5, lengths.min() * 0.5)):
        clipped = clip_norms(bound)(given)
        np.testing.assert_allclose(
            np.linalg.norm(clipped.updates(), axis=1), np.minimum(lengths, limit), rtol=1e-5
        )
        kept = lengths <= limit
        assert (clipped.models[kept] == given.models[kept]).all()
    with pytest.raises(ValueError, match="finite and above 0"):
        clip_norms(0.0)


def test_trust_weighs_by_the_cosine_and_takes_the_roots_length() -> None:
    given = posted()
    steps, aim = given.updates().astype(np.float64), given.root.astype(np.float64) - given.start
    cosines = steps @ aim / np.linalg.norm(steps, axis=1) / np.linalg.norm(aim)
    scaled = steps / np.linalg.norm(steps, axis=1, keepdims=True) * np.linalg.norm(aim)
    want = given.start + np.maximum(cosines, 0) @ scaled / np.maximum(cosines, 0).sum()

    np.testing.assert_allclose(trust_root()(given), want, atol=1e-5)
    turned = with_models(given, 2 * given.start - np.abs(given.updates()) - given.start + 0 * given.models)
    assert (trust_root()(turned) == given.start).all()
    with pytest.raises(ValueError, match="needs a root"):
        trust_root()(posted(root=None))


def test_the_worst_by_score_are_dropped_and_the_unscored_first() -> None:
    given = posted(4, scores=np.array([0.3, np.nan, 0.1, 0.2]))

    assert drop_worst(1)(given).scores.tolist() == [0.3, 0.1, 0.2]
    assert drop_worst(2)(given).scores.tolist() == [0.3, 0.2]
    assert after(drop_worst(3), rule=weighted_mean())(given) == pytest.approx(given.models[0], abs=1e-7)
    for wrong in (4, -1):
        with pytest.raises(ValueError, match="cannot be dropped"):
            drop_worst(wrong)(given)
    with pytest.raises(ValueError, match="needs the judges' scores"):
        drop_worst(1)(posted(scores=None))
