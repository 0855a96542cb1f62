"""What a proof shows, in lines for people; proofs themselves are the client's."""

import json
from typing import TYPE_CHECKING

from .. import output

if TYPE_CHECKING:
    from ...client.receipts import ProvenFact

TIMES = ("seen", "until", "deadline", "registered")
MUCH = 200  # characters of a field; --json has all of it


def lines(shown: "ProvenFact") -> list[str]:
    from ...ledger.views.reading import plain

    fields = {} if shown.record is None else plain(shown.record)
    rows = [(name.replace("_", " "), _brief(name, value)) for name, value in fields.items()]
    return [
        f"proven: {shown.what}",
        f"as block {shown.height} of chain {shown.chain!r} left it",
        *(f"  {line}" for line in output.pairs(rows)),
        f"signed at {output.moment(shown.time)} by the validators",
        *(f"  {key.hex()}" for key in shown.validators),
        "compare these keys with those that you know, or say --validator KEY",
    ]


def _brief(name: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return output.moment(value) if name in TIMES else output.amount(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MUCH else f"{text[:MUCH]} …"
