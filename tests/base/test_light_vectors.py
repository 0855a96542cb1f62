"""What CometBFT v0.38.25 answers (`tests/vectors/cometbft`), the light verifier answers too."""

import json
from pathlib import Path

import pytest

from tallystick.base import light, merkle
from tallystick.base.light import NotProven

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/cometbft/vectors.json").read_text())


def pooled(place):
    return VECTORS["pool"][place]


def header_at(place):
    return light.HEADER.decode(bytes.fromhex(pooled(place)))


def commit_at(place):
    return light.COMMIT.decode(bytes.fromhex(pooled(place)))


def validators_at(place):
    return tuple(light.Validator(bytes.fromhex(public), power) for public, power in pooled(place))


@pytest.mark.parametrize("row", VECTORS["headers"])
def test_header_bytes_and_hash(row):
    header = light.HEADER.decode(bytes.fromhex(row["bytes"]))

    assert (header.chain, header.height, header.time) == (row["chain"], row["height"], row["nanoseconds"])
    assert light.HEADER.encode(header).hex() == row["bytes"]
    assert light.header_hash(header).hex() == row["hash"]


def test_upstream_s_own_header_vector():
    known = "f740121f553b5418c3efbd343c2dbfe9e007bb67b0d020a0741374bab65242a4"

    assert VECTORS["headers"][0]["hash"] == known


@pytest.mark.parametrize("row", VECTORS["ballots"])
def test_sign_bytes(row):
    block = light.BlockId(bytes.fromhex(row["hash"]), (row["total"], bytes.fromhex(row["parts"])))
    time = light.NO_TIME if row["no_time"] else row["nanoseconds"]
    signed = light.sign_bytes(row["chain"], row["height"], row["round"], block, time, row["kind"])

    assert signed.hex() == row["bytes"]


@pytest.mark.parametrize("row", VECTORS["trees"])
def test_roots_and_paths(row):
    leaves = [bytes.fromhex(leaf) for leaf in row["leaves"]]

    assert light.merkle_root(leaves).hex() == merkle.root(leaves).hex() == row["root"]
    for index, path in enumerate(row["paths"]):
        assert [digest.hex() for digest in merkle.prove(leaves, index)] == path


@pytest.mark.parametrize("row", VECTORS["results"])
def test_results(row):
    results = [
        light.Result(one["code"], bytes.fromhex(one["data"]), one["wanted"], one["used"])
        for one in row["results"]
    ]
    after = header_at(VECTORS["blocks"][0]["header"])._replace(last_results_hash=bytes.fromhex(row["hash"]))

    assert light.results_hash(results).hex() == row["hash"]
    for index, path in enumerate(row["paths"]):
        digests = [bytes.fromhex(digest) for digest in path]
        light.verify_result(after, results[index], light.Path(index, len(results), digests))


@pytest.mark.parametrize("row", VECTORS["transactions"])
def test_transactions(row):
    transactions = [bytes.fromhex(one) for one in row["transactions"]]
    header = header_at(VECTORS["blocks"][0]["header"])._replace(data_hash=bytes.fromhex(row["hash"]))

    assert light.data_hash(transactions).hex() == row["hash"]
    for index, path in enumerate(row["paths"]):
        digests = [bytes.fromhex(digest) for digest in path]
        light.verify_transaction(header, transactions[index], light.Path(index, len(transactions), digests))


@pytest.mark.parametrize("row", VECTORS["parameters"])
def test_consensus_parameters(row):
    assert light.consensus_hash(row["max_bytes"], row["max_gas"]).hex() == row["hash"]


@pytest.mark.parametrize("row", VECTORS["blocks"])
def test_blocks_of_a_whole_chain(row):
    header, commit = header_at(row["header"]), commit_at(row["commit"])
    block = light.BlockId(bytes.fromhex(row["hash"]), (row["total"], bytes.fromhex(row["parts"])))

    assert light.header_hash(header) == block.hash
    assert light.commit_hash(commit).hex() == row["commit_hash"]
    assert light.validators_hash(validators_at(row["validators"])).hex() == row["validators_hash"]
    light.verify_commit(header.chain, validators_at(row["validators"]), block, header.height, commit)
    if "bytes" in row:
        whole = light.BLOCK.decode(bytes.fromhex(row["bytes"]))

        assert whole.header == header
        assert light.BLOCK.encode(whole).hex() == row["bytes"]
        assert light.block_id(whole) == block
        assert light.data_hash(whole.transactions) == header.data_hash
        assert light.commit_hash(whole.last_commit) == header.last_commit_hash


def test_some_blocks_were_compared_whole():
    assert sum("bytes" in row for row in VECTORS["blocks"]) >= 4


def verdict(row):
    trusted, header = header_at(row["trusted"]), header_at(row["header"])
    signed = light.SignedHeader(header, commit_at(row["commit"]), validators_at(row["validators"]))
    try:
        light.verify_header(
            trusted,
            signed,
            now=row["now"],
            trusting_period=row["period"],
            announced=validators_at(row["announced"]),
        )
    except NotProven:
        return False
    return True


@pytest.mark.parametrize("row", VECTORS["verdicts"], ids=lambda row: row["name"])
def test_headers_are_trusted_exactly_when_cometbft_trusts_them(row):
    assert verdict(row) == row["holds"], row["said"]


def test_verdicts_of_both_kinds_were_compared():
    holds = [row["holds"] for row in VECTORS["verdicts"]]

    assert holds.count(True) >= 50 and holds.count(False) >= 150
