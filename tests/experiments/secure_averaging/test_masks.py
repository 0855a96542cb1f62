"""The coalition paper's § 3.2: who is lost, and what is a masked post."""

import numpy as np

from experiments.secure_averaging.masks import lost, masked_words
from tallystick.learning import payload


def test_every_second_round_loses_one_owner_after_the_other():
    assert [lost(number, 3) for number in range(1, 9)] == [
        *(None, "owner-1", None, "owner-2"),
        *(None, "owner-0", None, "owner-1"),
    ]


def test_masked_words_are_told_from_plain_models():
    header = payload.PayloadHeader("owner-1", "masked", 1, "0" * 64)
    words = np.array([-1, 2], np.int64)
    assert np.array_equal(masked_words(payload.encode(header, {"words": words})), words)
    assert masked_words(payload.encode(header, {"head/bias": np.zeros(3, np.float32)})) is None
