"""The record: who may post it, state a figure on it, and certify it, and what each of them changes."""

from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers.requests import test_commitment as commitment_to_test
from tallystick.ledger.notices import Approved, RecordPosted
from tests.ledger.play import NO_REQUEST, Play, consortium, mutual, running
from tests.ledger.world import HOUR, hashed, refused


def recording() -> tuple[Play, tuple[str, ...]]:
    play, _ = running(mutual(3, 1))
    play.run(until=lambda progress: progress.stage == "recording")
    return play, play.progress().recorders


@refused(tx.PostRecord, no.UnknownRecord)
def test_recording_nothing():
    return consortium(), "bob", tx.PostRecord(NO_REQUEST, hashed("m"), 1)


@refused(tx.PostRecord, no.WrongStage)
def test_recording_too_early():
    play, team = running()
    return play.world, team[0], tx.PostRecord(play.request, hashed("m"), 1)


@refused(tx.PostRecord, no.NotYourTurn)
def test_recording_without_being_elected():
    play, recorders = recording()
    return play.world, recorders[1], tx.PostRecord(play.request, play.progress().model, 1)


@refused(tx.PostRecord, no.BadRecord)
def test_recording_another_model():
    play, recorders = recording()
    return play.world, recorders[0], tx.PostRecord(play.request, hashed("another"), 1)


def approving() -> tuple[Play, tuple[str, ...]]:
    play, recorders = recording()
    play.record()
    return play, recorders


@refused(tx.Approve, no.UnknownRecord)
def test_approving_nothing():
    return consortium(), "bob", tx.Approve(NO_REQUEST, 1)


@refused(tx.Approve, no.WrongStage)
def test_approving_too_early():
    play, team = running()
    return play.world, team[0], tx.Approve(play.request, 1)


@refused(tx.Approve, no.NotYourTurn)
def test_approving_ones_own_record():
    play, recorders = approving()
    return play.world, recorders[0], tx.Approve(play.request, 1)


@refused(tx.Approve, no.AlreadyDone)
def test_approving_twice():
    play, recorders = approving()
    play.world.did(recorders[1], tx.Approve(play.request, play.figure))
    return play.world, recorders[1], tx.Approve(play.request, play.figure)


SALT, CONTENT = b"0123456789abcdef", hashed("test set")


def certifying() -> tuple[Play, tuple[str, ...]]:
    play, _ = running(mutual(3, 1, test=ru.SealedTest(commitment_to_test(CONTENT, SALT), HOUR)))
    play.run(until=lambda progress: progress.stage == "sealed")
    play.world.did("ada", tx.OpenTest(play.request, CONTENT, SALT))
    return play, play.progress().recorders


@refused(tx.Certify, no.UnknownRecord)
def test_certifying_nothing():
    return consortium(), "bob", tx.Certify(NO_REQUEST, 1)


@refused(tx.Certify, no.WrongStage)
def test_certifying_without_a_test_set():
    play, team = running()
    return play.world, team[0], tx.Certify(play.request, 1)


@refused(tx.Certify, no.NotYourTurn)
def test_certifying_as_a_stranger():
    play, _ = certifying()
    return play.world, "fay", tx.Certify(play.request, 1)


@refused(tx.Certify, no.AlreadyDone)
def test_certifying_twice():
    play, recorders = certifying()
    play.world.did(recorders[0], tx.Certify(play.request, 1))
    return play.world, recorders[0], tx.Certify(play.request, 1)


def test_a_record_is_put_to_those_who_did_not_post_it():
    play, recorders = recording()
    receipt = play.world.did(recorders[0], tx.PostRecord(play.request, play.progress().model, 700_000))
    assert receipt.notices == (RecordPosted(play.request, recorders[0], play.progress().model, 700_000),)
    assert play.progress().stage == "approving"


def test_a_statement_is_noted_without_its_figure():
    play, recorders = approving()
    receipt = play.world.did(recorders[1], tx.Approve(play.request, play.figure))
    assert receipt.notices[0] == Approved(play.request, recorders[1])
    assert play.world.get(st.STATEMENTS, play.request, recorders[1]).figure == play.figure


def test_on_the_opened_test_the_recorder_states_its_figure_as_well():
    play, recorders = certifying()
    for member in recorders:
        play.world.did(member, tx.Certify(play.request, play.figure))
    assert play.progress().stage == "settled"
