"""Refusals in rounds: posting, revealing, declining."""

import pytest

from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.play import MEMBERS, NO_REQUEST, Play, consortium, relay, running, started
from tests.ledger.world import hashed, refused


def model(play: Play, member: str) -> tx.Post:
    phase, rule = play.open_phase() or pytest.fail("no phase is open")
    return tx.Post(play.request, phase.round, rule.name, play.content(phase, rule, member))


@refused(tx.Post, no.UnknownRecord)
def test_posting_to_nothing():
    return consortium(), "bob", tx.Post(NO_REQUEST, 1, "train", tx.Inline(b""))


@refused(tx.Post, no.WrongPhase)
def test_posting_in_another_phase():
    play, team = running()
    return play.world, team[0], tx.Post(play.request, 1, "combine", tx.Inline(b""))


@refused(tx.Post, no.WrongPhase)
def test_posting_in_another_round():
    play, team = running()
    return play.world, team[0], tx.Post(play.request, 2, "train", tx.Inline(b""))


@refused(tx.Post, no.WrongPhase)
def test_committing_when_reveals_have_begun():
    play, team = running()
    play.silent = {team[2]: ("judge",)}
    play.run(until=lambda _: (play.open_phase() or [None])[0].revealing)
    return play.world, team[2], tx.Post(play.request, 1, "judge", tx.Committed(hashed("late")))


@refused(tx.Post, no.NotYourTurn)
def test_posting_without_a_place():
    play, _ = running()
    return play.world, "fay", model(play, "fay")


@refused(tx.Post, no.NotYourTurn)
def test_posting_before_the_hand_over():
    play, _ = running(relay(3, 1))
    phase, _ = play.open_phase() or pytest.fail("no phase is open")
    return play.world, phase.owed[1], model(play, phase.owed[1])


@refused(tx.Post, no.AlreadyDone)
def test_posting_twice():
    play, team = running()
    play.serve(team[0])
    return play.world, team[0], model(play, team[0])


@refused(tx.Post, no.WrongContent)
def test_posting_bytes_where_a_model_is_wanted():
    play, team = running()
    return play.world, team[0], tx.Post(play.request, 1, "train", tx.Inline(b"weights"))


@refused(tx.Post, no.WrongContent)
def test_posting_open_scores_where_sealed_ones_are_wanted():
    play, team = running()
    play.run(until=lambda progress: progress.phase == 1)
    return play.world, team[0], tx.Post(play.request, 1, "judge", tx.Scores((tx.Score(1),) * 3))


@refused(tx.Post, no.BadReveal)
def test_salt_that_was_not_committed_to():
    play = started(relay(3, 1), applicants=MEMBERS[1:4])
    play.run(until=lambda progress: progress.stage == "opening")
    return play.world, "bob", tx.Post(play.request, 0, "draw", tx.SaltReveal(b"another salt 123"))


def judging() -> tuple[Play, list[str]]:
    """All have committed to their scores."""
    play, team = running()
    play.run(until=lambda _: (play.open_phase() or [None])[0].revealing)
    return play, team


def opening(play: Play, member: str, **more: object) -> tx.Reveal:
    phase, rule = play.open_phase() or pytest.fail("no phase is open")
    values = more.get("values", play.vector(phase, rule, member))
    return tx.Reveal(play.request, 1, "judge", values, play.salt(member, "judge", 1))  # type: ignore[arg-type]


@refused(tx.Reveal, no.UnknownRecord)
def test_revealing_to_nothing():
    return consortium(), "bob", tx.Reveal(NO_REQUEST, 1, "judge", (), b"0" * 16)


@refused(tx.Reveal, no.WrongPhase)
def test_revealing_while_others_still_commit():
    play, team = running()
    play.run(until=lambda progress: progress.phase == 1)
    play.serve(team[0])
    return play.world, team[0], opening(play, team[0])


@refused(tx.Reveal, no.NotYourTurn)
def test_revealing_without_having_committed():
    play, _ = judging()
    return play.world, "fay", opening(play, "fay")


@refused(tx.Reveal, no.AlreadyDone)
def test_revealing_twice():
    play, team = judging()
    play.serve(team[0])
    return play.world, team[0], opening(play, team[0])


@refused(tx.Reveal, no.BadReveal)
def test_revealing_other_scores_than_committed():
    play, team = judging()
    return play.world, team[0], opening(play, team[0], values=(tx.Score(1),) * 3)


@refused(tx.Reveal, no.WrongContent)
def test_revealing_too_few_scores():
    play, team = running()
    play.run(until=lambda progress: progress.phase == 1)
    values, salt = (tx.Score(1),), b"0" * 16
    sealed = tx.score_commitment(play.request, 1, "judge", team[0], values, salt)
    play.world.did(team[0], tx.Post(play.request, 1, "judge", tx.Committed(sealed)))
    for member in team[1:]:
        play.serve(member)
    return play.world, team[0], tx.Reveal(play.request, 1, "judge", values, salt)


def test_declining_is_a_miss_without_a_wait():
    play, team = running()
    play.world.did(team[0], tx.Post(play.request, 1, "train", tx.Declined(7, hashed("log"))))
    place = play.world.get(st.PLACES, play.request, team[0])
    assert (place.turns, place.missed) == (1, 1)
