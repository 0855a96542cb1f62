"""What members post: commitments that hold for one member's one turn, and posts within their bounds."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tallystick.base.codec import Decoder, Malformed, Record, encode
from tallystick.ledger.rules import MAX_TEAM
from tallystick.ledger.transactions import Post, posts

SALT = b"0123456789abcdef"
VALUES = (posts.Score(500_000), posts.Score(600_000, "copy"))
WHERE = ("request-1", 1, "judge", "ada", VALUES, SALT)


@pytest.mark.parametrize("place, other", list(enumerate(
    ("request-2", 2, "measure", "bob", VALUES[:1], SALT[::-1])
)))  # fmt: skip
def test_a_commitment_to_scores_is_bound_to_all_that_it_is_made_of(place: int, other: object):
    elsewhere = (*WHERE[:place], other, *WHERE[place + 1 :])
    assert posts.score_commitment(*WHERE) == posts.score_commitment(*WHERE)
    assert posts.score_commitment(*elsewhere) != posts.score_commitment(*WHERE)  # type: ignore[arg-type]


def test_a_commitment_sees_every_figure_and_verdict():
    commitments = {
        posts.score_commitment(*WHERE[:4], values, SALT)
        for values in (VALUES, VALUES[::-1], (VALUES[0], posts.Score(600_000)), (*VALUES, VALUES[0]))
    }
    assert len(commitments) == 4


def test_a_commitment_to_a_salt_is_bound_to_request_and_member():
    given = ("request-1", "ada", SALT)
    others = [("request-2", "ada", SALT), ("request-1", "bob", SALT), ("request-1", "ada", SALT + b"x")]
    assert len({posts.salt_commitment(*each) for each in (given, given, *others)}) == 4
    # Where one name ends and the next begins counts too.
    assert posts.salt_commitment("ab", "c", SALT) != posts.salt_commitment("a", "bc", SALT)


def test_the_verdicts_are_those_that_a_score_takes():
    hints = posts.Score.__annotations__["verdict"]
    assert get_args(hints) == posts.VERDICTS and posts.Score(1).verdict == posts.VERDICTS[0]


PAYLOAD = posts.Payload(1, bytes(32), bytes(32), bytes(32))


def posted(content: Any) -> object:
    """The content as everybody reads it from a post's bytes."""
    return Decoder(Post)(encode(Post("request-" + "0" * 32, 1, "train", content))).content


@pytest.mark.parametrize(("content", "beyond"), [
    (posts.Inline(bytes(4096)), {"data": bytes(4097)}),
    (posts.SaltReveal(bytes(16)), {"salt": bytes(15)}),
    (posts.SaltReveal(bytes(64)), {"salt": bytes(65)}),
    (posts.Declined(1_000, bytes(32)), {"code": 1_001}),
    (posts.Declined(0, bytes(32)), {"log": bytes(31)}),
    (posts.Scores((posts.Score(1),) * (MAX_TEAM + 1)), {"values": (posts.Score(1),) * (MAX_TEAM + 2)}),
    (posts.Scores(()), {"values": (posts.Score(1, "bad"),)}),  # type: ignore[arg-type]
    (posts.Model(PAYLOAD, (bytes(32),) * 64), {"parents": (bytes(32),) * 65}),
    (posts.Model(PAYLOAD, rows=0), {"rows": -1}),
    (posts.Model(PAYLOAD), {"payload": replace(PAYLOAD, size=0)}),
    (posts.Model(replace(PAYLOAD, size=2**40)), {"payload": replace(PAYLOAD, size=2**40 + 1)}),
])  # fmt: skip
def test_what_lies_just_beyond_its_bounds_is_refused(content: Record, beyond: dict[str, object]):
    assert posted(content) == content
    with pytest.raises(Malformed):
        posted(replace(content, **beyond))
