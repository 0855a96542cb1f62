"""The light verifier trusts what follows from a trusted header, and refuses everything else."""

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tallystick.base import light, merkle
from tallystick.base.light import NotProven
from tests.base.small_chain import (
    FIRST,
    FOUR,
    KEYS,
    NEXT,
    SECOND,
    SIGNED,
    SIGNED_FAR,
    TRUSTED,
    commit_to,
    header_of,
    members,
)


def trusts(signed, trusted=TRUSTED, now=FIRST + 60 * SECOND, period=3600 * SECOND, announced=FOUR):
    light.verify_header(trusted, signed, now=now, trusting_period=period, announced=announced)


def test_an_honest_header_is_trusted_directly_and_over_a_gap():
    trusts(SIGNED)
    trusts(SIGNED, announced=())
    trusts(SIGNED_FAR)


def test_one_key_makes_a_chain_of_one():
    """The embedded engine with a single key."""
    alone = members(4)
    first = header_of(alone)
    second = header_of(alone, height=2, previous=first)

    trusts(light.SignedHeader(second, commit_to(second, alone), alone), trusted=first)
    light.verify_signed("plant", light.SignedHeader(first, commit_to(first, alone), alone))


@pytest.mark.parametrize(
    "change, says",
    [
        ({"chain": "other"}, "of chain 'other', not 'plant'"),
        ({"version": (10, 1)}, "block format 10"),
        ({"height": 1}, "does not come after"),
        ({"height": 3}, "commit is of height 2, not 3"),
        ({"time": TRUSTED.time}, "not later than"),
        ({"time": FIRST + 71 * SECOND}, "comes from the future"),
        ({"validators_hash": bytes(32)}, "announced other validators"),
        ({"last_block": light.BlockId()}, "does not stand on"),
        ({"app_hash": b"\x01" * 32}, "for another block"),
        ({"time": FIRST + 3 * SECOND}, "for another block"),
    ],
)
def test_a_changed_header_is_refused(change, says):
    with pytest.raises(NotProven, match=says):
        trusts(SIGNED._replace(header=NEXT._replace(**change)))


@pytest.mark.parametrize(
    "change, says",
    [
        ({"chain": "other"}, "of chain"),
        ({"version": (10, 1)}, "format"),
        ({"validators_hash": b""}, "validators"),
    ],
)
def test_a_header_that_is_signed_but_wrong_is_refused(change, says):
    header = NEXT._replace(**change)
    with pytest.raises(NotProven, match=says):
        trusts(light.SignedHeader(header, commit_to(header, FOUR), FOUR))


def test_trust_expires():
    with pytest.raises(NotProven, match="too old"):
        trusts(SIGNED, now=TRUSTED.time + 3600 * SECOND)
    trusts(SIGNED, now=TRUSTED.time + 3600 * SECOND - 1)


def test_two_thirds_is_not_more_than_two_thirds():
    six = members(0, 1, 2, 3, 4, 5)
    header = header_of(six)
    for count in range(7):
        signed = light.SignedHeader(header, commit_to(header, six, range(count)), six)
        if count > 4:
            light.verify_signed("plant", signed)
        else:
            with pytest.raises(NotProven, match=f"{count} of 6 power"):
                light.verify_signed("plant", signed)


def test_power_counts_not_heads():
    rich = light.Validator(KEYS[0].public, 100)
    four = (rich, *members(1, 2, 3))
    header = header_of(four)

    light.verify_signed("plant", light.SignedHeader(header, commit_to(header, four, {0}), four))
    with pytest.raises(NotProven, match="3 of 103 power"):
        light.verify_signed("plant", light.SignedHeader(header, commit_to(header, four, {1, 2, 3}), four))


def test_a_gap_needs_more_than_a_third_of_the_trusted_power():
    """Three trusted validators: one of them is exactly a third, two are more."""
    three = members(0, 1, 2)
    trusted = header_of(three)
    for later, enough in ((members(2, 3, 4, 5), False), (members(1, 2, 3, 4), True)):
        header = header_of(later, height=5)
        signed = light.SignedHeader(header, commit_to(header, later), later)
        if enough:
            trusts(signed, trusted=trusted, announced=three)
        else:
            with pytest.raises(NotProven, match="1 of 3 power"):
                trusts(signed, trusted=trusted, announced=three)


def test_a_gap_needs_the_announced_validators():
    for others in ((), members(0, 1, 2), members(0, 1, 2, 4)):
        with pytest.raises(NotProven, match="announced other validators"):
            trusts(SIGNED_FAR, announced=others)


def spoilt(commit, at, **changes):
    votes = list(commit.votes)
    votes[at] = votes[at]._replace(**changes)
    return commit._replace(votes=tuple(votes))


@pytest.mark.parametrize(
    "commit, says",
    [
        (SIGNED.commit._replace(height=3), "of height 3, not 2"),
        (SIGNED.commit._replace(round=1), "signature of validator .* is wrong"),
        (SIGNED.commit._replace(block=light.BlockId()), "another block"),
        (SIGNED.commit._replace(votes=SIGNED.commit.votes[:3]), "3 votes for 4 validators"),
        (SIGNED.commit._replace(votes=SIGNED.commit.votes[::-1]), "another validator's place"),
        (SIGNED.commit._replace(votes=SIGNED.commit.votes[:1] * 4), "another validator's place"),
        (spoilt(SIGNED.commit, 0, time=NEXT.time + 1), "is wrong"),
        (spoilt(SIGNED.commit, 0, signature=b""), "64 bytes"),
        (spoilt(SIGNED.commit, 0, signature=SIGNED.commit.votes[0].signature + b"x"), "64 bytes"),
        (spoilt(SIGNED.commit, 0, signature=SIGNED.commit.votes[1].signature), "is wrong"),
        (spoilt(spoilt(SIGNED.commit, 0, flag=light.NIL), 1, flag=light.NIL), "2 of 4 power"),
        (spoilt(spoilt(SIGNED.commit, 0, flag=light.ABSENT), 1, flag=7), "2 of 4 power"),
    ],
)
def test_a_changed_commit_is_refused(commit, says):
    with pytest.raises(NotProven, match=says):
        trusts(SIGNED._replace(commit=commit))


def test_no_bytes_move_from_the_signed_message_into_the_signature():
    """A member signs other things with its key; none of them may pass for a vote with a longer signature."""
    message = light.sign_bytes("plant", 2, 0, SIGNED.commit.block, NEXT.time)
    forged = KEYS[0].sign(b"transaction" + message) + b"transaction"
    with pytest.raises(NotProven, match="64 bytes"):
        trusts(SIGNED._replace(commit=spoilt(SIGNED.commit, 0, signature=forged)))


@pytest.mark.parametrize(
    "validators",
    [
        (*members(0, 1, 2), *members(2)),
        (*members(0, 1, 2), light.Validator(KEYS[3].public, 0)),
        (*members(0, 1, 2), light.Validator(KEYS[3].public, -1)),
        (*members(0, 1, 2), light.Validator(KEYS[3].public, 2**60)),
        (),
    ],
)
def test_a_crooked_validator_set_is_refused(validators):
    header = header_of(validators or FOUR)._replace(validators_hash=light.validators_hash(validators))
    signed = light.SignedHeader(header, commit_to(header, validators), validators)
    with pytest.raises(NotProven):
        light.verify_signed("plant", signed)


def test_strangers_cannot_sign_in_the_validators_name():
    """The header names the right validators; those who come with it and signed it are others."""
    strangers = members(4, 5, 6)
    for header in (NEXT, SIGNED_FAR.header):
        signed = light.SignedHeader(header, commit_to(header, strangers), strangers)
        with pytest.raises(NotProven, match="names other validators"):
            light.verify_signed("plant", signed)
        with pytest.raises(NotProven):
            trusts(signed)


def test_a_vote_counts_once_over_a_gap():
    three, later = members(0, 1, 2), members(2, 3, 4, 5)
    header = header_of(later, height=5)
    commit = commit_to(header, later)
    twice = commit._replace(votes=commit.votes[:1] * 4)
    with pytest.raises(NotProven, match="1 of 3 power"):
        trusts(light.SignedHeader(header, twice, later), trusted=header_of(three), announced=three)


def test_one_walks_back_from_header_to_header():
    third = header_of(FOUR, height=3, previous=NEXT)
    light.verify_previous(third, NEXT)
    light.verify_previous(NEXT, TRUSTED)
    for newer, older in ((third, TRUSTED), (NEXT, NEXT), (NEXT, TRUSTED._replace(app_hash=b"\x01" * 32))):
        with pytest.raises(NotProven, match="does not stand on"):
            light.verify_previous(newer, older)


# ---- receipts ----


def receipts(count):
    transactions = [b"transaction %d" % number for number in range(count)]
    results = [light.Result(number % 3, b"digest %d" % number) for number in range(count)]
    header = header_of(FOUR, data_hash=light.data_hash(transactions))
    after = header_of(FOUR, height=2, previous=header, last_results_hash=light.results_hash(results))
    return transactions, results, header, after


def paths_of(transactions, results, index):
    hashes = [sha256(transaction).digest() for transaction in transactions]
    leaves = [light.result_bytes(result) for result in results]
    return (
        light.Path(index, len(hashes), merkle.prove(hashes, index)),
        light.Path(index, len(leaves), merkle.prove(leaves, index)),
    )


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_a_receipt_is_shown_for_each_transaction_and_no_other(count):
    transactions, results, header, after = receipts(count)
    for index in range(count):
        paths = paths_of(transactions, results, index)
        light.verify_receipt(header, after, transactions[index], results[index], paths)
        for other in range(count):
            if other == index:
                continue
            beside = paths_of(transactions, results, other)
            for transaction, result, taken in (
                (transactions[index], results[other], paths),
                (transactions[other], results[index], paths),
                (transactions[index], results[other], (paths[0], beside[1])),
                (transactions[index], results[other], (paths[0], beside[1]._replace(place=index))),
            ):
                with pytest.raises(NotProven):
                    light.verify_receipt(header, after, transaction, result, taken)


def test_a_receipt_needs_the_two_headers_of_its_block():
    transactions, results, header, after = receipts(3)
    paths = paths_of(transactions, results, 1)
    for wrong in (after._replace(height=3), after._replace(last_block=light.BlockId())):
        with pytest.raises(NotProven, match="does not stand on"):
            light.verify_receipt(header, wrong, transactions[1], results[1], paths)


@pytest.mark.parametrize("change", [{"code": 0}, {"data": b""}, {"gas_wanted": 1}, {"gas_used": -1}])
def test_every_field_of_a_result_is_proven(change):
    transactions, results, _, after = receipts(5)
    path = paths_of(transactions, results, 4)[1]
    light.verify_result(after, results[4], path)
    with pytest.raises(NotProven):
        light.verify_result(after, results[4]._replace(**change), path)


def test_a_bent_path_is_refused():
    transactions, results, header, _ = receipts(5)
    path = paths_of(transactions, results, 1)[0]
    bent = [
        path._replace(place=0),
        path._replace(place=-1),
        path._replace(place=5),
        path._replace(total=0),
        path._replace(total=2),
        path._replace(total=2**70),
        path._replace(digests=path.digests[:-1]),
        path._replace(digests=[*path.digests, bytes(32)]),
        path._replace(digests=[b"", *path.digests]),
        path._replace(digests=[digest[:31] for digest in path.digests]),
        path._replace(digests=path.digests[::-1]),
    ]
    for wrong in bent:
        with pytest.raises(NotProven, match="not proven"):
            light.verify_transaction(header, transactions[1], wrong)


ALONE = """
import sys
sys.path += [{site!r}, {path!r}]
from copied import light
signed = light.SIGNED_HEADER.decode(bytes.fromhex({signed!r}))
light.verify_signed("plant", signed)
trusted = light.HEADER.decode(bytes.fromhex({trusted!r}))
light.verify_header(trusted, signed, now={now}, trusting_period=10**15)
try:
    light.verify_signed("plant", signed._replace(header=signed.header._replace(height=3)))
except light.NotProven as error:
    print(error)
foreign = [name for name in sys.modules if name.split(".")[0] not in sys.stdlib_module_names]
print(sorted(set(name.split(".")[0] for name in foreign)))
"""


def test_it_works_as_two_files_with_the_signature_library_alone(tmp_path):
    """Copied elsewhere, in an interpreter that sees neither the environment nor this package."""
    import nacl

    packages = Path(nacl.__file__).parents[1]
    site = tmp_path / "site"
    site.mkdir()
    for name in ("nacl", "cffi", "_cffi_backend*", "pycparser"):
        for found in packages.glob(name):
            (site / found.name).symlink_to(found)
    copied = tmp_path / "copied"
    copied.mkdir()
    for name in ("light.py", "wire.py"):
        (copied / name).write_bytes(Path(light.__file__).with_name(name).read_bytes())
    script = ALONE.format(
        site=str(site),
        path=str(tmp_path),
        signed=light.SIGNED_HEADER.encode(SIGNED).hex(),
        trusted=light.HEADER.encode(TRUSTED).hex(),
        now=FIRST + 60 * SECOND,
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "the commit is of height 2, not 3"
    assert "tallystick" not in done.stdout
    loaded = set(json.loads(done.stdout.splitlines()[1].replace("'", '"')))
    assert loaded <= {"__main__", "copied", "_cffi_backend", "_sodium", "cffi", "nacl"}
