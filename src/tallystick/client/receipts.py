"""Proofs as JSON: a record of the state or a receipt, for somebody who trusts the validators alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..base import light
from ..base.codec import Decoder, Malformed, Record, encode
from ..base.light import NotProven
from ..engines.errors import ClientError
from ..engines.export import AuditReport
from ..engines.export import verify as executed
from ..ledger.state import TABLES
from ..ledger.transition import Receipt
from .ledger import Client

FORMAT = "tallystick-proof"


class ProvenFact(NamedTuple):
    """What a sound proof shows, and who signed for it."""

    what: str
    record: Record | None
    chain: str
    height: int
    time: int
    header: bytes
    validators: tuple[bytes, ...]


@dataclass(frozen=True)
class RecordProof:
    """The proof that the ledger holds a request's record: what was made, by whom, how good, who approved."""

    request: str
    document: dict[str, object]

    def save(self, path: str | Path) -> Path:
        """Write it to a file; `ts.verify` and `tally ledger verify` check it without the ledger."""
        target = Path(path)
        target.write_text(json.dumps(self.document, indent=1) + "\n", encoding="utf-8")
        return target


def verify(path: str | Path) -> ProvenFact | AuditReport:
    """Check an export by executing it again, or a receipt by the signatures of the validators it names."""
    file = Path(path)
    return check(file) if looks_like_one(file) else executed(file)


def of_record(client: Client, key: str) -> dict[str, object]:
    """That the newest state holds a record under this key, or none."""
    made = client.view.prove(key.encode())
    return {
        "format": FORMAT,
        "key": key,
        "value": None if made.value is None else made.value.hex(),
        "path": made.proof.hex(),
        "signed": [light.SIGNED_HEADER.encode(made.signed).hex()],
    }


def of_receipt(client: Client, digest: bytes) -> dict[str, object]:
    """That a block holds this transaction and the next one confirms its receipt."""
    made = client.view.prove_receipt(digest)
    return {
        "format": FORMAT,
        "transaction": made.transaction.hex(),
        "receipt": encode(made.receipt).hex(),
        "paths": [[path.place, path.total, [digest.hex() for digest in path.digests]] for path in made.paths],
        "signed": [light.SIGNED_HEADER.encode(signed).hex() for signed in made.signed],
    }


def looks_like_one(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(1) == b"{"


def check(file: Path) -> ProvenFact:
    """What the proof in a file shows; where it shows nothing, why."""
    try:
        document = json.loads(file.read_bytes())
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ClientError(f"{file} is neither an export nor a proof")
        return _receipt(document) if "receipt" in document else _record(document)
    except NotProven as reason:
        raise ClientError(f"{file} proves nothing: {reason}") from None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, Malformed):
        raise ClientError(f"{file} is no whole proof; `tally ledger prove` writes one") from None


def _record(document: dict[str, Any]) -> ProvenFact:
    key, value = str(document["key"]), document["value"]
    signed = _signed(document["signed"][0])
    held = None if value is None else bytes.fromhex(value)
    light.verify_state_proof(signed.header, key.encode(), held, bytes.fromhex(document["path"]))
    table = TABLES.get(key.partition("/")[0])
    record = table.decode(held) if table is not None and held is not None else None
    what = f"{'no ' if held is None else ''}{key.replace('/', ' ')}"
    return _shown(what, record, signed, signed.header.height - 1)


def _receipt(document: dict[str, Any]) -> ProvenFact:
    first, second = (_signed(text) for text in document["signed"])
    data = bytes.fromhex(document["receipt"])
    receipt = Decoder(Receipt)(data)
    result = light.Result(receipt.code, receipt.digest())
    to_block, to_results = (
        light.Path(place, total, [bytes.fromhex(digest) for digest in digests])
        for place, total, digests in document["paths"]
    )
    transaction = bytes.fromhex(document["transaction"])
    light.verify_receipt(first.header, second.header, transaction, result, (to_block, to_results))
    return _shown(f"tx {receipt.transaction.hex()}", receipt, second, first.header.height)


def _signed(text: str) -> light.SignedHeader:
    """A header that more than two thirds of the validators it comes with have signed."""
    signed = light.SIGNED_HEADER.decode(bytes.fromhex(text))
    header, commit, validators = signed
    if light.validators_hash(validators) != header.validators_hash:
        raise light.NotProven(f"header {header.height} names other validators than these")
    block = light.BlockId(light.header_hash(header), commit.block.parts)
    light.verify_commit(header.chain, validators, block, header.height, commit)
    return signed


def _shown(what: str, record: Record | None, signed: light.SignedHeader, height: int) -> ProvenFact:
    header = signed.header
    keys = tuple(validator.public for validator in signed.validators)
    return ProvenFact(
        what, record, header.chain, height, header.time // 1_000_000, light.header_hash(header), keys
    )
