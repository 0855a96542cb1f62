"""Proofs as JSON: a record of the state or a receipt, for somebody who trusts the validators alone."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import output
from .command import stop

if TYPE_CHECKING:
    from ..base import light
    from ..client import Client

FORMAT = "tallystick-proof"
TIMES = ("seen", "until", "deadline", "registered")
MUCH = 200  # characters of a field; --json has all of it


class Shown(NamedTuple):
    """What a sound proof shows, and who signed for it."""

    what: str
    record: Any
    chain: str
    height: int
    time: int
    header: bytes
    validators: tuple[bytes, ...]


def of_record(client: "Client", key: str) -> dict[str, Any]:
    """That the newest state holds a record under this key, or none."""
    from ..base import light

    made = client.view.prove(key.encode())
    return {
        "format": FORMAT,
        "key": key,
        "value": None if made.value is None else made.value.hex(),
        "path": made.proof.hex(),
        "signed": [light.SIGNED_HEADER.encode(made.signed).hex()],
    }


def of_receipt(client: "Client", digest: bytes) -> dict[str, Any]:
    """That a block holds this transaction and the next one confirms its receipt."""
    from ..base import light
    from ..base.codec import encode

    made = client.view.prove_receipt(digest)
    return {
        "format": FORMAT,
        "transaction": made.transaction.hex(),
        "receipt": encode(made.receipt).hex(),
        "paths": [[path.place, path.total, [one.hex() for one in path.digests]] for path in made.paths],
        "signed": [light.SIGNED_HEADER.encode(one).hex() for one in made.signed],
    }


def looks_like_one(file: Path) -> bool:
    with file.open("rb") as source:
        return source.read(1) == b"{"


def check(file: Path) -> Shown:
    """What the proof in a file shows; where it shows nothing, why."""
    from ..base.codec import Malformed
    from ..base.light import NotProven

    try:
        document = json.loads(file.read_bytes())
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            stop(f"{file} is neither an export nor a proof")
        return _receipt(document) if "receipt" in document else _record(document)
    except NotProven as reason:
        stop(f"{file} proves nothing: {reason}")
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, Malformed):
        stop(f"{file} is no whole proof; `tally ledger prove` writes one")


def _record(document: dict[str, Any]) -> Shown:
    from ..base import light
    from ..ledger.state import TABLES

    key, value = str(document["key"]), document["value"]
    signed = _signed(document["signed"][0])
    held = None if value is None else bytes.fromhex(value)
    light.verify_state_proof(signed.header, key.encode(), held, bytes.fromhex(document["path"]))
    table = TABLES.get(key.partition("/")[0])
    record = table.decode(held) if table is not None and held is not None else None
    what = f"{'no ' if held is None else ''}{key.replace('/', ' ')}"
    return _shown(what, record, signed, signed.header.height - 1)


def _receipt(document: dict[str, Any]) -> Shown:
    from ..base import light
    from ..base.codec import Decoder
    from ..ledger.transition import Receipt

    first, second = (_signed(text) for text in document["signed"])
    data = bytes.fromhex(document["receipt"])
    receipt = Decoder(Receipt)(data)
    result = light.Result(receipt.code, receipt.digest())
    to_block, to_results = (
        light.Path(place, total, [bytes.fromhex(one) for one in digests])
        for place, total, digests in document["paths"]
    )
    transaction = bytes.fromhex(document["transaction"])
    light.verify_receipt(first.header, second.header, transaction, result, (to_block, to_results))
    return _shown(f"tx {receipt.transaction.hex()}", receipt, second, first.header.height)


def _signed(text: str) -> "light.SignedHeader":
    """A header that more than two thirds of the validators it comes with have signed."""
    from ..base import light

    signed = light.SIGNED_HEADER.decode(bytes.fromhex(text))
    header, commit, validators = signed
    if light.validators_hash(validators) != header.validators_hash:
        raise light.NotProven(f"header {header.height} names other validators than these")
    block = light.BlockId(light.header_hash(header), commit.block.parts)
    light.verify_commit(header.chain, validators, block, header.height, commit)
    return signed


def _shown(what: str, record: Any, signed: "light.SignedHeader", height: int) -> Shown:
    from ..base import light

    header = signed.header
    keys = tuple(one.public for one in signed.validators)
    return Shown(
        what, record, header.chain, height, header.time // 1_000_000, light.header_hash(header), keys
    )


def lines(shown: Shown) -> list[str]:
    from ..ledger.views.reading import plain

    fields = {} if shown.record is None else plain(shown.record)
    told = [(name.replace("_", " "), _brief(name, value)) for name, value in fields.items()]
    return [
        f"proven: {shown.what}",
        f"as block {shown.height} of chain {shown.chain!r} left it",
        *(f"  {line}" for line in output.pairs(told)),
        f"signed at {output.moment(shown.time)} by the validators",
        *(f"  {key.hex()}" for key in shown.validators),
        "compare these keys with those that you know, or say --validator KEY",
    ]


def _brief(name: str, value: Any) -> str:
    if name in TIMES:
        return output.moment(value)
    if type(value) is int:
        return output.amount(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MUCH else f"{text[:MUCH]} …"
