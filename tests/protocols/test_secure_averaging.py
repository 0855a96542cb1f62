"""The secure sum as phases: the plain average's bits, whoever is lost; nothing where it would hide nobody."""

import numpy as np
import pytest
from msgspec import structs

from tallystick.ledger import transactions as tx
from tallystick.protocols.presets import preset
from tallystick.protocols.vocabulary import Unfit
from tallystick.simulation.setting import ANALYST
from tests.protocols.bench import arrays, ran, said, small


def silent(member, phase):
    """A fault: this member posts nothing in this phase of round 2."""

    def alter(node, body):
        owed = isinstance(body, tx.Post) and (body.round, body.phase) == (2, phase)
        return None if owed and node.member == member else body

    return alter


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_it_is_the_plain_average_bit_for_bit(tmp_path):
    plain = ran(small("averaging"), tmp_path / "plain")
    secure = ran(small("secure_averaging"), tmp_path / "secure")
    assert plain.progress.stage == secure.progress.stage == "settled"
    assert same(arrays(plain), arrays(secure))


@pytest.mark.parametrize("phase", ["keys", "shares", "masked"])
def test_so_it_is_without_whom_was_lost(tmp_path, phase):
    """A member that keeps silent once its shares are dealt leaves masks behind, which the others take off."""
    plain = ran(small("averaging"), tmp_path / "plain", alter=silent("site-2", "train"))
    whole = ran(small("averaging"), tmp_path / "whole")
    secure = ran(small("secure_averaging"), tmp_path / "secure", alter=silent("site-2", phase))
    assert same(arrays(plain), arrays(secure))
    assert not same(arrays(whole), arrays(secure))
    assert {notice.member for notice in said(secure, "TurnMissed")} == {"site-2"}


def test_one_may_be_lost_while_unmasking(tmp_path):
    plain = ran(small("averaging"), tmp_path / "plain")
    secure = ran(small("secure_averaging"), tmp_path / "secure", alter=silent("site-3", "unmask"))
    assert same(arrays(plain), arrays(secure))


def test_keys_that_cannot_be_read_count_as_none(tmp_path):
    def garbled(node, body):
        if node.member == "site-1" and isinstance(body, tx.Post) and body.phase == "keys":
            return structs.replace(body, content=tx.Inline(b"no keys at all"))
        return body

    plain = ran(small("averaging"), tmp_path / "plain", alter=silent_always("site-1"))
    secure = ran(small("secure_averaging"), tmp_path / "secure", alter=garbled)
    assert secure.progress.stage == "settled"
    assert same(arrays(plain), arrays(secure))


def silent_always(member):
    def alter(node, body):
        return None if node.member == member and isinstance(body, tx.Post) else body

    return alter


def test_an_analyst_adds_up_what_it_cannot_read(tmp_path):
    """Hired for a fee, it brings no data and is paid no share; the average is the owners' own."""
    fault = {"alter": silent("site-4", "masked")}
    plain = ran(small("averaging"), tmp_path / "plain", alter=silent("site-4", "train"))
    ended = ran(small("secure_averaging", leader="analyst", analyst_fee=100), tmp_path, **fault)
    assert ended.progress.stage == "settled"
    (formed,) = said(ended, "TeamFormed")
    assert formed.leader == ANALYST
    paid = {(notice.member, notice.why): notice.amount for notice in said(ended, "Paid")}
    assert paid[ANALYST, "fee"] == 100
    assert (ANALYST, "reward") not in paid
    assert same(arrays(plain), arrays(ended))


def test_nobody_posts_a_model_that_can_be_read(tmp_path):
    seen = []

    def watching(node, body):
        if isinstance(body, tx.Post) and body.phase == "masked":
            seen.append(_words(node, body))
        return body

    ran(small("secure_averaging"), tmp_path, rounds=1, alter=watching)
    assert len(seen) == 5
    for words in seen:
        # Words under a mask are uniform: their highest bits are as often 1 as 0.
        assert abs((words < 0).mean() - 0.5) < 0.05


def _words(node, body):
    assert body.content.rows == 0  # a weight stays as hidden as the model
    data = node.worker.payloads.get(body.content.payload.plaintext)
    length = int(np.frombuffer(data[:8], "<u8")[0])
    assert b'"words"' in data[8 : 8 + length]
    return np.frombuffer(data[8 + length :], "<i8")


def test_a_sum_of_two_is_refused():
    with pytest.raises(Unfit, match="hides nobody"):
        preset("secure_averaging")(minimum=2)


def test_too_few_survivors_give_no_model(tmp_path):
    """Three of five silent: the others refuse to unmask, the round does not count, the first one stands."""

    def alter(node, body):
        gone = node.member in ("site-2", "site-3", "site-4")
        late = isinstance(body, tx.Post) and (body.round, body.phase) == (2, "masked")
        return None if gone and late else body

    ended = ran(small("secure_averaging"), tmp_path, alter=alter)
    one = ran(small("secure_averaging"), tmp_path / "one", rounds=1)
    assert ended.progress.completed == 1
    assert same(arrays(ended), arrays(one))


def test_the_same_seed_gives_the_same_head(tmp_path):
    heads = [ran(small("secure_averaging"), tmp_path / name, rounds=1).head for name in ("a", "b")]
    assert heads[0] == heads[1]
