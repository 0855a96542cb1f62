"""Whoever likes carries what one chain has to say to another: what waits, its proof, one transaction each."""

from __future__ import annotations

from collections.abc import Callable

from ..base import light
from ..engines.engine import Answer, EngineError, View
from ..ledger import transactions as tx
from ..ledger.state import OTHER_CHAINS
from ..ledger.views.chains import Waiting, key_of, to_carry
from ..ledger.views.reading import find

Submit = Callable[[tx.Transaction], Answer]
AHEAD = (
    5_000  # milliseconds by which a header may be ahead of the block that takes it, and half as much again
)


def shown(source: View, to: str, waiting: Waiting) -> tx.Deliver:
    """The transaction that shows the chain `to` what waits, with the source's newest header and a proof."""
    key = key_of(waiting.about, waiting.of, to) if waiting.about != "header" else "chain"
    proven = source.prove(key.encode())
    header = light.SIGNED_HEADER.encode(proven.signed)
    chain = proven.signed.header.chain
    if waiting.about == "header":
        return tx.Deliver(chain, header)
    return tx.Deliver(chain, header, waiting.about, waiting.of, proven.value, proven.proof)


def carry(source: View, target: View, submit: Submit) -> list[tuple[Waiting, Answer]]:
    """Show the target all that waits at the source; what cannot be proven yet is left for the next time.

    A quiet chain's next block has an old time, and would take a newer header for one from the future: it is
    woken first.
    """
    done: list[tuple[Waiting, Answer]] = []
    to = target.status().chain
    for waiting in to_carry(source, target, source.status().time):
        try:
            body = shown(source, to, waiting)
        except EngineError:
            return done
        if light.SIGNED_HEADER.decode(body.header).header.time > (target.status().time + AHEAD) * 10**6:
            submit(tx.Nudge())
        done.append((waiting, submit(body)))
    return done


def grows_old(source: View, target: View, now: int) -> bool:
    """Whether the source is quiet for so long that the target will soon wait for a header of it."""
    known = find(target, OTHER_CHAINS, source.status().chain)
    return known is not None and known.main and now >= source.status().time + known.terms.fresh // 2
