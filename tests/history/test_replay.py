"""A request's history is read out of its ledger's blocks alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tallystick.base.ids import derived_id
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.embedded.reader import open_reader
from tallystick.engines.session import Session
from tallystick.history.replay import RefusedTransaction, RequestHistory, replay
from tallystick.ledger import transactions as tx
from tallystick.ledger.notices import Paid, RoundEnded
from tallystick.simulation.setting import genesis_of, keys_of, validator_of
from tests.history.followed import REQUEST, Followed
from tests.simulation.digits import TASK


def test_it_ends_as_the_run_did(followed: Followed) -> None:
    history, ended = followed.history, followed.ended
    assert (history.height, history.head) == (ended.height, ended.head)
    assert history.progress == ended.progress and history.record == ended.record
    assert history.balances == ended.balances
    assert history.request.request == REQUEST


def test_every_notice_about_the_request_becomes_a_moment(followed: Followed) -> None:
    about = [(time, notice) for time, notice in followed.ended.notices if getattr(notice, "request", "")]
    assert [(moment.time, moment.notice) for moment in followed.history.moments] == about


def test_models_are_those_of_completed_rounds(followed: Followed) -> None:
    ended = [moment.notice for moment in followed.history.moments]
    complete = [notice.round for notice in ended if isinstance(notice, RoundEnded) and notice.complete]
    assert list(followed.history.models) == complete == [1, 2, 3]
    assert all(name in followed.ended.payloads for name in followed.history.models.values())


def test_places_are_as_they_were_when_it_ended(followed: Followed) -> None:
    places = followed.history.places
    assert sorted(places) == sorted(followed.setting.members)
    assert places["site-2"].status == "left" and places["site-0"].status == "active"
    paid = {m.notice.member for m in followed.history.moments if isinstance(m.notice, Paid)}
    assert "site-0" in paid


def test_an_unknown_request_is_refused(followed: Followed) -> None:
    with (
        open_reader(followed.folder, check=False) as view,
        pytest.raises(LookupError, match="holds no request request-none"),
    ):
        replay(view, genesis_of(followed.setting), name="request-none")


def test_its_name_makes_no_difference_where_there_is_one(followed: Followed) -> None:
    with open_reader(followed.folder, check=False) as view:
        named = replay(view, genesis_of(followed.setting), TASK.measure, REQUEST)
    assert named.moments == followed.history.moments


def test_a_transaction_that_a_block_refused_is_told(tmp_path: Path, followed: Followed) -> None:
    """Two at once revoke the same grant: the second looks right at the door, and is refused in the block."""
    folder = tmp_path / "ledger"
    shutil.copytree(followed.folder, folder)
    key = keys_of(followed.setting)["site-0"]
    given = validator_of(followed.setting)
    with open_reader(folder, check=False) as view:
        now = view.status().time + 1
    with EmbeddedEngine(folder, keys=[given], clock=lambda: now) as engine:
        session = Session(engine, key, "site-0", lambda: now, alone=True)
        revoke = tx.RevokeGrant(derived_id("grant", "site-0", 1))
        first, second = session.submit(revoke), session.submit(revoke)
        assert session.wait(first).accepted and not session.wait(second).accepted
    assert not followed.history.refused
    (refused,) = again(followed, folder).refused
    assert refused == RefusedTransaction("site-0", "RevokeGrant", refused.why) and refused.why


def again(followed: Followed, folder: Path) -> RequestHistory:
    with open_reader(folder, check=False) as view:
        return replay(view, genesis_of(followed.setting))
