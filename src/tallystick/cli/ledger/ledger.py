"""`tally ledger`: make one, look into it, export it, verify an export, prove what it holds."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, argument, command, digest_of, noun
from ..context import Context, stop
from . import proofs
from .ledger_init import init

if TYPE_CHECKING:
    from ...client import Client
    from ...engines.engine import Answer
    from ...ledger.transition import Receipt

app = noun("ledger")
app.add_command(init)

KINDS = (
    "block", "tx", "member", "account", "unit", "lineage", "grant", "ask", "proposal", "request", "record",
)  # fmt: skip
MANY = 1_000  # deadlines are not counted further
PROVABLE = tuple(kind for kind in KINDS if kind != "block")


@command("tally ledger status --ledger trial", into=app, reads=True)
def status(at: Context) -> None:
    """Say how the ledger stands: height, time, money, what comes due."""
    from ...ledger.state import CHAIN
    from ...ledger.transition import next_deadline

    with at.reader() as client:
        standing, chain = client.view.status(), client.get(CHAIN)
        due, waiting = next_deadline(client.view), len(client.view.scan(b"due/", MANY))
    document = {**standing._asdict(), "figures": chain, "next_deadline": due, "deadlines": waiting}
    many = f"{output.amount(waiting)}{' or more' if waiting == MANY else ''}"
    at.show(
        document,
        output.pairs(
            [
                ("chain", standing.chain),
                ("height", output.amount(standing.height)),
                ("newest block", output.moment(standing.time)),
                ("state's root", standing.app_hash.hex()),
                ("members", output.amount(chain.members)),
                ("tokens issued", f"{output.amount(chain.issued)} of at most {output.amount(chain.cap)}"),
                ("reward pool", output.amount(chain.pool)),
                ("deadlines", many),
                ("next deadline", "nothing comes due" if due is None else output.moment(due)),
                ("rules", f"version {chain.version}"),
                *(("signed by", key.hex()) for key in standing.validators),
            ]
        ),
    )


@command(
    "tally ledger show block 3 --ledger trial",
    "tally ledger show account ada --ledger trial",
    "tally ledger show unit bob/pumps --ledger trial",
    into=app,
    reads=True,
)
@argument("kind", "One of " + ", ".join(KINDS) + ".", type=click.Choice(KINDS), metavar="KIND")
@argument("name", "A height, a digest, a name, or an id or its beginning.", metavar="ID")
def show(at: Context, kind: str, name: str) -> None:
    """Show one thing that the ledger holds."""
    with at.reader() as client:
        match kind:
            case "block":
                _show_block(at, client, name)
            case "tx":
                _show_transaction(at, client, name)
            case "account":
                _show_account(at, client, name)
            case "member":
                from .member import show_member

                show_member(at, client, name)
            case "unit" | "lineage":
                from .unit import show_lineage, show_unit

                (show_unit if kind == "unit" else show_lineage)(at, client, name)
            case "grant" | "ask":
                from .grant import show_ask, show_grant

                (show_grant if kind == "grant" else show_ask)(at, client, name)
            case "proposal":
                from .propose import show_proposal

                show_proposal(at, client, name)
            case _:
                from .request import show_record, show_request

                (show_request if kind == "request" else show_record)(at, client, name)


@command("tally ledger export trial.tally --ledger trial", into=app, reads=True)
@argument("file", "The new file.", type=FILE)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def export(at: Context, file: Path, force: bool) -> None:
    """Write the whole ledger into one file, which anyone can execute again."""
    from ...engines import export as exporting

    if file.exists() and not force:
        stop(f"{file} exists already; choose another name, or say --force")
    height = exporting.export(at.folder(), file)
    size = file.stat().st_size
    document = {"file": str(file), "height": height, "bytes": size}
    says = f"{file} holds blocks 1 to {output.amount(height)} in {output.amount(size)} bytes"
    at.show(document, [says, f"anyone may check it: tally ledger verify {file}"])


@command("tally ledger verify trial.tally", "tally ledger verify proof.json", into=app)
@argument("file", "What `tally ledger export` or `tally ledger prove` wrote.", type=FILE)
@click.option("--validator", type=digest_of, multiple=True, metavar="KEY", help="Who must have signed.")
@click.option("--genesis", type=digest_of, metavar="DIGEST", help="The genesis that it must begin with.")
def verify(at: Context, file: Path, validator: tuple[bytes, ...], genesis: bytes | None) -> None:
    """Execute an export again from its genesis, or check a proof; trusts nobody."""
    from ...client import receipts

    if receipts.looks_like_one(file):
        shown = receipts.check(file)
        _ensure_signers(file, shown.validators, validator)
        at.show(shown, proofs.lines(shown))
        return
    from ...engines import export as exporting

    report = exporting.verify(file)
    if report.problem:
        if at.json:
            print(output.as_json({"sound": False, **report._asdict()}))
        sound = f"sound up to block {report.height}, then: " if report.height >= 0 else ""
        stop(f"{file} is not a true ledger: {sound}{report.problem}")
    _ensure_signers(file, report.validators, validator)
    if genesis not in (None, report.genesis):
        stop(f"{file} begins with genesis {report.genesis.hex()}, not with the one you named")
    refused = f"{output.amount(report.refused)} of them refused"
    done = f"{output.amount(report.transactions)} transactions, {refused}"
    blocks = f"{output.amount(report.height)} blocks"
    at.show(
        {"sound": True, **report._asdict()},
        [
            *output.sentence(f"{file} is true: {blocks} executed again, {done}"),
            *output.pairs(
                [
                    ("chain", report.chain),
                    ("newest block", output.moment(report.time)),
                    ("state's root", report.app_hash.hex()),
                    ("genesis", report.genesis.hex()),
                    *(("signed by", key.hex()) for key in report.validators),
                ]
            ),
        ],
    )


@command(
    "tally ledger prove account ada --out proof.json --ledger trial",
    "tally ledger prove record 3fa94c12 --ledger trial",
    into=app,
    reads=True,
)
@argument("kind", "One of " + ", ".join(PROVABLE) + ".", type=click.Choice(PROVABLE), metavar="KIND")
@argument("name", "A digest, a name, or an id or its beginning.", metavar="ID")
@click.option("--out", type=FILE, metavar="FILE", help="Write the proof into a new file.")
def prove(at: Context, kind: str, name: str, out: Path | None) -> None:
    """Prove a record, its absence or a receipt to somebody who trusts the validators alone."""
    from ...client import receipts

    with at.reader() as client:
        if kind == "tx":
            document = receipts.of_receipt(client, _digest(name))
        else:
            document = receipts.of_record(client, _key(client, kind, name))
    if out is None:
        print(output.as_json(document))
        return
    with out.open("x", encoding="ascii") as written:
        written.write(output.as_json(document) + "\n")
    at.show(document, [f"{out} holds the proof", f"anyone may check it: tally ledger verify {out}"])


@command("tally ledger nudge --ledger trial", into=app, reads=True)
def nudge(at: Context) -> None:
    """Serve what has come due while nobody wrote: refunds, closing phases, votes."""
    from ...client import open_writer
    from ..context import mended, password_of

    with at.reader() as client:
        before = client.view.status().height
    with mended(open_writer(at.folder(), None, password_of)) as client:
        after = client.view.status().height
        notices = [
            notice for height in range(before + 1, after + 1) for notice in client.view.block(height).notices
        ]
    made = f"{after - before} blocks made" if after > before else "nothing was due"
    at.show({"before": before, "height": after, "notices": notices}, [made, *output.notices(notices)])


def _show_block(at: Context, client: "Client", name: str) -> None:
    from ...base import light

    if not name.isdigit():
        stop(f"{name!r} is no height; blocks are numbered from 1")
    kept = client.view.block(int(name))
    header, commit = light.HEADER.decode(kept.header), light.COMMIT.decode(kept.commit)
    document = {
        "height": kept.height,
        "time": kept.time,
        "hash": commit.block.hash,
        "header": kept.header,
        "commit": kept.commit,
        "transactions": kept.transactions,
        "receipts": kept.receipts,
        "notices": kept.notices,
    }
    lines = output.pairs(
        [
            ("block", output.amount(kept.height)),
            ("time", output.moment(kept.time)),
            ("hash", commit.block.hash.hex()),
            ("stands on", header.last_block.hash.hex()),
            ("state before", header.app_hash.hex()),
            ("signatures", sum(vote.flag == light.COMMITTED for vote in commit.votes)),
            ("transactions", len(kept.transactions)),
        ]
    )
    due = ["came due:", *output.notices(kept.notices)] if kept.notices else []
    done = [line for receipt in kept.receipts for line in _receipt_lines(receipt)]
    at.show(document, [*lines, *due, *done])


def _show_transaction(at: Context, client: "Client", name: str) -> None:
    answer: Answer | None = client.view.find(_digest(name))
    if answer is None:
        stop(f"no block holds a transaction {name}")
    where = [("block", output.amount(answer.height or 0)), ("time", output.moment(answer.time or 0))]
    at.show(answer, [*output.pairs(where), *_receipt_lines(answer.receipt)])


def _show_account(at: Context, client: "Client", name: str) -> None:
    from ...ledger.state import ACCOUNTS

    account, history = client.get(ACCOUNTS, name), client.view.history(name, 10)
    rows = [
        (
            output.amount(answer.height or 0),
            output.moment(answer.time or 0),
            answer.receipt.kind,
            _outcome(answer.receipt),
        )
        for answer in history
    ]
    lines = output.pairs(
        [
            ("member", name),
            ("tokens", output.amount(account.balance)),
            ("credit", output.amount(account.credit)),
            ("next number", account.low),
        ]
    )
    newest = output.table(("block", "time", "what", "outcome"), rows, "it has sent no transaction yet")
    at.show({"account": account, "newest": history}, [*lines, "", *newest])


def _receipt_lines(receipt: "Receipt") -> list[str]:
    return [
        f"{receipt.kind or 'unreadable'} by {receipt.member or 'nobody known'}: {_outcome(receipt)}",
        f"  tx {receipt.transaction.hex()}",
        *output.notices(receipt.notices),
    ]


def _outcome(receipt: "Receipt") -> str:
    return "accepted" if receipt.code == 0 else f"{receipt.refusal}: {receipt.detail}"


def _digest(name: str) -> bytes:
    try:
        return digest_of(name)
    except click.BadParameter as error:
        stop(error.format_message().partition(": ")[2] or str(error))


def _key(client: "Client", kind: str, name: str) -> str:
    """The key under which the state holds what is meant."""
    from ...ledger.state import TABLES

    table = TABLES[kind]
    if kind in ("member", "account"):
        return table.key(name)
    return table.key(whole_id(client, kind, name))


def whole_id(client: "Client", kind: str, name: str) -> str:
    """The whole id of what a person names in short."""
    from ...ledger import state as st

    if kind == "unit":
        from .unit import unit_id

        return unit_id(client, name)
    if kind == "lineage":
        return client.whole(st.LINEAGES, name)
    if kind == "record":  # a record bears its request's id
        return client.whole(st.REQUESTS, name)
    return client.whole(st.TABLES[kind], name)


def _ensure_signers(file: Path, signers: tuple[bytes, ...], expected: tuple[bytes, ...]) -> None:
    if expected and sorted(expected) != sorted(signers):
        signed = ", ".join(key.hex() for key in signers)
        stop(f"{file} is signed by the validators {signed}, which are not those you named")
