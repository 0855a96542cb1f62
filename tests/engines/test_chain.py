"""Headers as CometBFT makes them: what follows what, who must have signed, and what a replay refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.base import light
from tallystick.base.codec import encode
from tallystick.base.keys import SigningKey
from tallystick.engines.chain import (
    BlockEntry,
    HeaderChain,
    Mismatch,
    Origin,
    decode_entry,
    decode_origin,
    median,
    milliseconds,
    nanoseconds,
    replay,
)
from tallystick.engines.storage.memory import WholeState
from tests.engines.standin import GENESIS, MACHINE, VALIDATOR, engine, put

Chain = tuple[Origin, list[BlockEntry]]


@pytest.fixture
def blocks(tmp_path: Path) -> Chain:
    """A ledger's origin and its blocks, as they are kept."""
    with engine(tmp_path / "a") as ledger:
        for number in range(3):
            ledger.wait(ledger.submit(put(number, b"k%d" % number, b"v")))
        frames = [ledger._store.frame(height).payload for height in range(ledger.status().height + 1)]
    return decode_origin(frames[0]), list(map(decode_entry, frames[1:]))


def test_kept_blocks_follow_one_another(blocks: Chain):
    origin, entries = blocks
    chain = HeaderChain.of(origin)
    head = chain.first_head()
    for height, entry in enumerate(entries, start=1):
        before, head = head, chain.ensure_follows(head, entry)
        assert (head.height, head.app_hash) == (height, entry.app_hash)
        assert before.time <= head.time < head.next_time
        assert chain.head_of(entry) == head
    with pytest.raises(Mismatch, match="height in its header"):
        chain.ensure_follows(chain.first_head(), entries[1])


def forged(entry: BlockEntry, **header: Any) -> BlockEntry:
    altered = light.HEADER.decode(entry.header)._replace(**header)
    return replace(entry, header=light.HEADER.encode(altered))


@pytest.mark.parametrize(
    "alter, says",
    [
        (lambda entry: forged(entry, app_hash=bytes(32)), "app_hash in its header"),
        (lambda entry: forged(entry, time=1), "time in its header"),
        (
            lambda entry: replace(entry, transactions=(*entry.transactions, b"more")),
            "data_hash in its header",
        ),
        (lambda entry: replace(entry, commit=light.COMMIT.encode(light.Commit())), "block 1"),
    ],
)
def test_what_does_not_follow_is_refused_and_says_why(
    blocks: Chain, alter: Callable[[BlockEntry], BlockEntry], says: str
):
    origin, entries = blocks
    chain = HeaderChain.of(origin)
    with pytest.raises(Mismatch, match=says):
        chain.ensure_follows(chain.first_head(), alter(entries[0]))


def test_another_keys_signature_does_not_count(blocks: Chain):
    origin, entries = blocks
    chain, stranger = HeaderChain.of(origin), SigningKey(b"s" * 32)
    header = light.HEADER.decode(entries[0].header)
    block = light.block_id(light.WholeBlock(header, entries[0].transactions, (), light.Commit()))
    assert chain.sign(header, block, {stranger.public: stranger}, 5).votes == (light.CommitVote(),)
    good = chain.sign(header, block, {VALIDATOR.public: VALIDATOR}, 5)
    forged_vote = good.votes[0]._replace(signature=stranger.sign(b"else"))
    commit = light.COMMIT.encode(good._replace(votes=(forged_vote,)))
    with pytest.raises(Mismatch):
        chain.ensure_follows(chain.first_head(), replace(entries[0], commit=commit))


def test_a_vote_is_later_than_its_block(blocks: Chain):
    origin, entries = blocks
    chain, header = HeaderChain.of(origin), light.HEADER.decode(entries[0].header)
    block = light.block_id(light.WholeBlock(header, entries[0].transactions, (), light.Commit()))
    for now in (0, milliseconds(header.time), milliseconds(header.time) + 50):
        vote = chain.sign(header, block, {VALIDATOR.public: VALIDATOR}, now).votes[0]
        assert vote.time == max(nanoseconds(now), header.time + nanoseconds(1))


def test_the_time_is_the_median_of_those_who_voted():
    def commit(*times: int | None) -> light.Commit:
        votes = (
            light.CommitVote() if at is None else light.CommitVote(light.COMMITTED, b"", at, b"")
            for at in times
        )
        return light.Commit(1, 0, light.BlockId(), tuple(votes))

    assert median(commit(5)) == 5
    assert median(commit(9, 1, 5)) == 5
    assert median(commit(9, None, 1, 5, 7)) == 5, "of an even number the earlier one"


def test_a_replay_does_what_the_block_says(blocks: Chain):
    origin, entries = blocks
    chain, state = HeaderChain.of(origin), WholeState(MACHINE.first_writes(GENESIS))
    for entry in entries:
        outcome = replay(MACHINE, chain, state, entry)
        assert tuple(map(encode, outcome.receipts)) == entry.receipts
        state.put(outcome.writes)
    assert state.get(b"k2") == b"v"


@pytest.mark.parametrize(
    "field, says",
    [
        ({"receipts": ()}, "has 1 transactions, 0 receipts"),
        ({"results_hash": bytes(32)}, "its results hash"),
        ({"writes": bytes(32)}, "it writes something else"),
        ({"notices": (b"\x91\xa1x",)}, "what came due"),
        ({"transactions": (b"junk",)}, "transaction 0 should have"),
    ],
)
def test_a_replay_refuses_what_was_not_done(blocks: Chain, field: dict[str, Any], says: str):
    origin, entries = blocks
    chain, state = HeaderChain.of(origin), WholeState(MACHINE.first_writes(GENESIS))
    for entry in entries:
        if entry.transactions:
            break
        state.put(replay(MACHINE, chain, state, entry).writes)
    with pytest.raises(Mismatch, match=says):
        replay(MACHINE, chain, state, replace(entry, **field))
