"""Signatures verified ahead: the same verdicts as at hand, with the process or without it."""

import io
from collections.abc import Iterator

import pytest

from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.pool import GoodSignatures
from tallystick.engines.embedded.verifier import Triple, Verifier, serve

KEY = SigningKey(b"k" * 32)
GOOD: list[Triple] = [(KEY.public, b"%d" % n, KEY.sign(b"%d" % n)) for n in range(100)]
BAD: list[Triple] = [(KEY.public, b"other", GOOD[0][2]), (bytes(32), b"0", GOOD[0][2]), (b"", b"", b"")]


def test_the_process_tells_good_from_bad() -> None:
    verifier = Verifier()
    for batch in (GOOD, BAD + GOOD + BAD, GOOD[:2] + BAD, [], GOOD):
        verifier.begin(batch)
        assert verifier.finish() == [triple for triple in batch if triple in GOOD]
    assert verifier._process is not None
    verifier.close()


def test_a_process_that_died_is_not_missed() -> None:
    verifier = Verifier()
    verifier.begin(GOOD)
    assert verifier._process is not None
    verifier._process.kill()
    assert verifier.finish() == GOOD
    verifier.begin(BAD + GOOD)
    assert verifier.finish() == GOOD
    verifier.close()


def test_items_come_in_order_and_an_error_after_those_before_it() -> None:
    def items() -> Iterator[list[Triple]]:
        yield GOOD[:3]
        yield BAD
        raise ValueError("the end")

    seen = []
    with pytest.raises(ValueError, match="the end"):
        seen.extend(Verifier().ahead(items(), lambda item: item))
    seen = []
    source = Verifier().ahead(items(), lambda item: item)
    seen = [next(source), next(source)]
    assert seen == [(GOOD[:3], GOOD[:3]), (BAD, [])]


def test_half_a_message_ends_the_service() -> None:
    out = io.BytesIO()
    serve(io.BytesIO(b"\x05\x00\x00\x00ab"), out)
    assert out.getvalue() == b""


def test_only_good_signatures_are_remembered() -> None:
    good = GoodSignatures()
    good.remember(GOOD[:1])
    assert good(*GOOD[0])
    assert good(*GOOD[1])
    assert not any(good(*triple) for triple in BAD for _ in range(2))
