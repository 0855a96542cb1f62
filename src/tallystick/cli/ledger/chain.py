"""`tally chain`: sub-chains of a ledger: made, listed, looked at; what chains have to say is carried."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import (
    FILE,
    Choices,
    argument,
    command,
    mended,
    noun,
    password_of,
    stop,
    whole,
)

if TYPE_CHECKING:
    from ...client import Client
    from ...ledger.views.chains import ChainView

app = noun("chain")

DAY, HOUR = 86_400_000, 3_600_000
CAP = "The most tokens, rewards and deposits together, of requests that run there at one time."


@command("tally chain create north --escrow-cap 50,000 --ledger trial --key ada.key", into=app, signs=True)
@argument("dir", "The new chain's folder.", type=FILE)
@click.option("--name", metavar="NAME", help="The chain's name; the folder's unless you say another.")
@click.option("--escrow-cap", required=True, type=whole(1), metavar="TOKENS", help=CAP)
@click.option("--trusting", type=whole(1), default=14, metavar="DAYS", show_default=True,
              help="How long a header of either chain proves anything.")  # fmt: skip
@click.option("--settling", type=whole(1), default=7, metavar="DAYS", show_default=True,
              help="After its rounds' time, how long a request may take to its outcome.")  # fmt: skip
@click.option("--refunding", type=whole(1), default=30, metavar="DAYS", show_default=True,
              help="After that, when it is refunded without a proof.")  # fmt: skip
@click.option("--fresh", type=whole(1), default=1, metavar="HOURS", show_default=True,
              help="How old the view of the main chain may be when a phase opens.")  # fmt: skip
def create(
    at: Choices,
    dir: Path,
    name: str | None,
    escrow_cap: int,
    trusting: int,
    settling: int,
    refunding: int,
    fresh: int,
) -> None:
    """Make a sub-chain of this ledger, and put it to the vote that requests may run there.

    You are its only member until the main chain's others are shown to it, which happens with their first
    request. Its blocks are signed by one key in its folder: every member of a team must agree to that.
    """
    from . import ledger_init as founding

    founding.ensure_free(dir)
    chain = name or founding.chain_name(dir)
    spans = {
        "trusting_period": trusting * DAY,
        "settling": settling * DAY,
        "refunding": refunding * DAY,
        "fresh": fresh * HOUR,
    }
    with at.writer() as client:
        made, terms = _founded(client, chain, escrow_cap, spans)
        founding.write(dir, made, plain=True)
        _register(at, client, dir, terms)


def _founded(client: "Client", chain: str, cap: int, spans: dict[str, int]) -> tuple[Any, Any]:
    """What the sub-chain begins with, and the terms by which the main chain trusts it."""
    from ...base.keys import SigningKey
    from ...client import wall_clock
    from ...ledger.genesis import Founder, Genesis, ensure_sound
    from ...ledger.state import MEMBERS
    from ...ledger.transactions import ChainTerms
    from .ledger_init import Founding

    me, blocks = client.get(MEMBERS, client.member), SigningKey.generate()
    signed = client.view.prove(b"chain").signed
    signers = tuple((one.public, one.power) for one in signed.validators)
    main = ChainTerms(signed.header.chain, signers, **spans)
    if chain == main.chain:
        stop(f"{chain!r} is the main chain's own name; give another by --name")
    founder = Founder(me.member, me.key, me.encryption_key, me.roles)
    genesis = Genesis(chain, wall_clock(), 0, (founder,), validators=(blocks.public,), main=main)
    ensure_sound(genesis)
    return Founding(genesis, blocks, {}), ChainTerms(chain, ((blocks.public, 1),), cap, **spans)


def _register(at: Choices, client: "Client", folder: Path, terms: Any) -> None:
    from ...ledger.state import ELECTORATES, PROPOSALS
    from ...ledger.transactions import Propose, RegisterChain

    answer = client.submit(Propose(RegisterChain(terms)))
    proposal = answer.receipt.notices[0].proposal
    electorate = client.get(ELECTORATES, proposal).members
    at.sent(
        answer,
        f"{folder} is chain {terms.chain!r}; its main chain is {client.view.status().chain!r}",
        f"{2 * len(electorate) // 3 + 1} of {len(electorate)} must approve: {' '.join(electorate)}",
        f"each says: tally vote {client.short(PROPOSALS, proposal)} yes",
        f"then what the two have to say is carried by: tally chain carry {folder}",
        chain=terms.chain,
        folder=str(folder),
        proposal=proposal,
        electorate=electorate,
    )


@command("tally chain list --ledger trial", into=app, reads=True, name="list")
def list_(at: Choices) -> None:
    """List the other chains that this one knows."""
    from ...ledger.views import other_chains

    with at.reader() as client:
        found = other_chains(client.view, client.now())
    rows = [
        (
            one.chain,
            "main" if one.main else "sub-chain",
            one.stage,
            output.amount(one.height),
            output.amount(one.requests),
            output.amount(one.escrow),
        )
        for one in found
    ]
    heads = ("chain", "is", "trust", "height", "requests", "tokens there")
    at.show(found, output.table(heads, rows, "no other chain is known here"))


@command("tally chain status north --ledger trial", into=app, reads=True)
@argument("chain", "The other chain's name.", metavar="NAME")
def status(at: Choices, chain: str) -> None:
    """Say how another chain is known here, and which requests are there until when."""
    from ...ledger.state import MESSAGES, OTHER_CHAINS, PROGRESS
    from ...ledger.views import every, other_chains

    with at.reader() as client:
        found = {one.chain: one for one in other_chains(client.view, client.now())}.get(chain)
        if found is None:
            stop(f"no chain {chain!r} is known on chain {client.view.status().chain!r}")
        terms = client.get(OTHER_CHAINS, chain).terms
        opened: Any = [message.content for message in every(client.view, MESSAGES, chain)]
        names = [] if found.main else [one.request.request for one in opened]
        there = [(name, client.get(PROGRESS, name).final) for name in names]
    held = f"{output.amount(found.escrow)} of {output.amount(found.escrow_cap)}"
    lines = output.pairs(
        [
            ("chain", found.chain),
            ("is", "the main chain" if found.main else "a sub-chain"),
            ("trust", _trust(found)),
            ("newest header known", f"{output.amount(found.height)}, of {output.moment(found.time)}"),
            ("tokens there", "" if found.main else held),
            ("validators", found.validators),
            *((f"request {name}", f"final before {output.moment(final)}") for name, final in there),
        ]
    )  # fmt: skip
    at.show({**output.plain(found), "terms": terms, "there": there}, lines)


def _trust(found: "ChainView") -> str:
    """What to do where a chain is not trusted any more."""
    how = f"tally propose trust {found.chain}"
    return {
        "frozen": f"frozen: its validators contradicted themselves; {how}",
        "lapsed": f"lapsed: no header came for too long; {how}",
    }.get(found.stage, found.stage)


@command("tally chain carry north --ledger trial --key ada.key", into=app, signs=True)
@argument("dir", "The other chain's folder.", type=FILE)
def carry(at: Choices, dir: Path) -> None:
    """Carry to each of two chains what the other has to say, with its proofs, until nothing waits.

    Anyone may do this who is a member of both; nothing can be made up on the way, and nothing is taken twice.
    """
    from ...client import Refused, connect
    from ...engines.engine import Answer, Engine
    from ...ledger import transactions as tx
    from ...node.carrier import carry as carried
    from ...node.carrier import grows_old

    done: list[tuple[str, Any, Answer]] = []
    with at.writer() as here, mended(connect(dir, at.key_file(), password_of)) as there:

        def told(client: "Client") -> Any:
            def submit(body: tx.Body) -> Answer:
                try:
                    return client.submit(body)
                except Refused as refused:
                    return Answer(refused.receipt)

            return submit

        for one, other in ((here, there), (there, here)):
            if isinstance(one.view, Engine) and grows_old(one.view, other.view, one.now()):
                told(one)(tx.Nudge())
        for _ in range(ROUNDS):
            before = len(done)
            for source, target in ((here, there), (there, here)):
                to = target.view.status().chain
                done += [(to, *row) for row in carried(source.view, target.view, told(target))]
            if len(done) == before:
                break
    rows = [
        (to, waiting.about, waiting.of or "-", answer.receipt.refusal or "taken")
        for to, waiting, answer in done
    ]
    at.show(
        [{"to": row[0], "about": row[1], "of": row[2], "outcome": row[3]} for row in rows],
        output.table(("to", "what", "of", "outcome"), rows, "nothing waits to be carried"),
    )


ROUNDS = 8  # back and forth: what one is told may give it something to say
