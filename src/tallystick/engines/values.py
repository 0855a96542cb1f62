"""Values out of range in what is to be signed: found before that, and named as a person knows them."""

from collections.abc import Callable
from typing import Final

from ..base.codec import Malformed, misfit
from ..ledger import transactions as tx
from .engine import EngineError

PATTERNS: Final = {
    r"\A[a-z]+-": "an id looks like unit- and 32 hexadecimal digits",
    r"\A(\*|[a-z0-9]": "a name, or * for anyone",
    r"\A[a-z0-9][": "a name has up to 48 of a-z, 0-9, '.', '_', '-' and begins with a letter or digit",
}


class UnsoundValue(EngineError):
    """A value of a transaction is out of range; the message names it and says what it should be."""


def seal_sound(envelope: tx.Envelope, sign: Callable[[bytes], bytes]) -> tx.Unsealed:
    """Sign an envelope; what no ledger could read is refused before that, and the value named."""
    try:
        return tx.sealed(envelope, sign)
    except (Malformed, TypeError, OverflowError) as error:
        raise UnsoundValue(_explained(envelope, str(error))) from None


def _explained(envelope: tx.Envelope, message: str) -> str:
    """The decoder's message with the place in the array called by the names of the fields."""
    path, value, reason = misfit(envelope, message)
    for pattern, words in PATTERNS.items():
        if f"'{pattern}".replace("\\", "\\\\") in reason or f"'{pattern}" in reason:
            reason = words
    names = [part for part in path if isinstance(part, str) and part != "body"]
    place = " ".join(names).replace("_", " ")
    return f"{place} {_written(value)} will not do: {reason}" if path else f"this will not do: {reason}"


def _written(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)
