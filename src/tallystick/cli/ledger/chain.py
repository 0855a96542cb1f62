"""`tally chain`: sub-chains of a ledger: made, listed, looked at; what chains have to say is carried."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, argument, command, noun, whole
from ..context import Context, mended, password_of, stop

if TYPE_CHECKING:
    from ...client import Client
    from ...ledger.transactions import ChainTerms
    from ...ledger.views.chains import ChainView
    from .ledger_init import Founding

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
    at: Context,
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
    from . import ledger_init

    ledger_init.ensure_free(dir)
    chain = name or ledger_init.chain_name(dir)
    spans = {
        "trusting_period": trusting * DAY,
        "settling": settling * DAY,
        "refunding": refunding * DAY,
        "fresh": fresh * HOUR,
    }
    with at.writer() as client:
        made, terms = _founded(client, chain, escrow_cap, spans)
        ledger_init.write(dir, made, plain=True)
        _register(at, client, dir, terms)


def _founded(client: "Client", chain: str, cap: int, spans: dict[str, int]) -> "tuple[Founding, ChainTerms]":
    """What the sub-chain begins with, and the terms by which the main chain trusts it."""
    from ...base.keys import SigningKey
    from ...client import wall_clock
    from ...ledger.genesis import Founder, Genesis, ensure_sound
    from ...ledger.state import MEMBERS
    from ...ledger.transactions import ChainTerms
    from .ledger_init import Founding

    me, blocks = client.get(MEMBERS, client.member), SigningKey.generate()
    signed = client.view.prove(b"chain").signed
    signers = tuple((validator.public, validator.power) for validator in signed.validators)
    main = ChainTerms(signed.header.chain, signers, **spans)
    if chain == main.chain:
        stop(f"{chain!r} is the main chain's own name; give another by --name")
    founder = Founder(me.member, me.key, me.encryption_key, me.roles)
    genesis = Genesis(chain, wall_clock(), 0, (founder,), validators=(blocks.public,), main=main)
    ensure_sound(genesis)
    return Founding(genesis, blocks, {}), ChainTerms(chain, ((blocks.public, 1),), cap, **spans)


def _register(at: Context, client: "Client", folder: Path, terms: "ChainTerms") -> None:
    from ...ledger.notices import ProposalMade
    from ...ledger.state import ELECTORATES, PROPOSALS
    from ...ledger.transactions import Propose, RegisterChain

    answer = client.submit(Propose(RegisterChain(terms)))
    proposal = answer.notice(ProposalMade).proposal
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
def list_(at: Context) -> None:
    """List the other chains that this one knows."""
    from ...ledger.views import other_chains

    with at.reader() as client:
        chains = other_chains(client.view, client.now())
    rows = [
        (
            known.chain,
            "main" if known.main else "sub-chain",
            known.stage,
            output.amount(known.height),
            output.amount(known.requests),
            output.amount(known.escrow),
        )
        for known in chains
    ]
    heads = ("chain", "is", "trust", "height", "requests", "tokens there")
    at.show(chains, output.table(heads, rows, "no other chain is known here"))


@command("tally chain status north --ledger trial", into=app, reads=True)
@argument("chain", "The other chain's name.", metavar="NAME")
def status(at: Context, chain: str) -> None:
    """Say how another chain is known here, and which requests are there until when."""
    from ...ledger.chains.messages import Opening
    from ...ledger.state import MESSAGES, OTHER_CHAINS, PROGRESS
    from ...ledger.views import every, other_chains
    from ...ledger.views.reading import plain

    with at.reader() as client:
        known = {view.chain: view for view in other_chains(client.view, client.now())}.get(chain)
        if known is None:
            stop(f"no chain {chain!r} is known on chain {client.view.status().chain!r}")
        terms = client.get(OTHER_CHAINS, chain).terms
        messages = () if known.main else every(client.view, MESSAGES, chain)
        opened = (message.content for message in messages if isinstance(message.content, Opening))
        names = [opening.request.request for opening in opened]
        there = [(name, client.get(PROGRESS, name).final) for name in names]
    held = f"{output.amount(known.escrow)} of {output.amount(known.escrow_cap)}"
    lines = output.pairs(
        [
            ("chain", known.chain),
            ("is", "the main chain" if known.main else "a sub-chain"),
            ("trust", _trust(known)),
            ("newest header known", f"{output.amount(known.height)}, of {output.moment(known.time)}"),
            ("tokens there", "" if known.main else held),
            ("validators", known.validators),
            *((f"request {name}", f"final before {output.moment(final)}") for name, final in there),
        ]
    )  # fmt: skip
    at.show({**plain(known), "terms": terms, "there": there}, lines)


def _trust(known: "ChainView") -> str:
    """What to do where a chain is not trusted any more."""
    how = f"tally propose trust {known.chain}"
    return {
        "frozen": f"frozen: its validators contradicted themselves; {how}",
        "lapsed": f"lapsed: no header came for too long; {how}",
    }.get(known.stage, known.stage)


@command("tally chain carry north --ledger trial --key ada.key", into=app, signs=True)
@argument("dir", "The other chain's folder.", type=FILE)
def carry(at: Context, dir: Path) -> None:
    """Carry to each of two chains what the other has to say, with its proofs, until nothing waits.

    Anyone may do this who is a member of both; nothing can be made up on the way, and nothing is taken twice.
    """
    from ...client import TransactionRefused, connect
    from ...engines.engine import Answer, Engine
    from ...ledger import transactions as tx
    from ...ledger.views.chains import Waiting
    from ...node.carrier import carry as carried
    from ...node.carrier import grows_old

    done: list[tuple[str, Waiting, Answer]] = []
    with at.writer() as here, mended(connect(dir, at.key_file(), password_of)) as there:

        def sending(client: "Client") -> Callable[[tx.Transaction], Answer]:
            def submit(body: tx.Transaction) -> Answer:
                try:
                    return client.submit(body)
                except TransactionRefused as refused:
                    return Answer(refused.receipt)

            return submit

        for source, other in ((here, there), (there, here)):
            if isinstance(source.view, Engine) and grows_old(source.view, other.view, source.now()):
                sending(source)(tx.Nudge())
        for _ in range(ROUNDS):
            before = len(done)
            for source, target in ((here, there), (there, here)):
                to = target.view.status().chain
                done += [(to, *row) for row in carried(source.view, target.view, sending(target))]
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


ROUNDS = 8  # back and forth: what a chain hears may give it something to say
