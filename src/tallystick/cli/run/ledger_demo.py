"""`tally demo --ledger-only`: what a ledger enforces by itself, and two frauds that an audit catches."""

import dataclasses
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import output

if TYPE_CHECKING:
    from ...engines.engine import LedgerMachine
    from ...engines.export import AuditReport
    from .consortium import Consortium, Offer, Settlement

STOLEN = 50
ROWS = 8_000
LEFT = 36  # columns of what is done; what came of it stands to the right
DAYS_AGO = 3  # the demo ends before now, so that its ledger can be used afterwards
NEXT = (
    "  tally demo --keep look",
    "  tally ledger init trial --organisation ada --organisation bob --no-password",
    "  tally --help",
)


class Teller:
    """Prints each step as it happens; keeps silent for programs."""

    def __init__(self, silent: bool) -> None:
        self.silent = silent

    def say(self, *lines: str) -> None:
        if not self.silent:
            print("\n".join(lines), flush=True)

    def step(self, act: str, outcome: str = "") -> None:
        first, *rest = textwrap.wrap(outcome, output.WIDTH - LEFT) or [""]
        self.say(f"  {act:<{LEFT - 2}}{first}".rstrip(), *(" " * LEFT + more for more in rest))


def play(folder: Path, tell: Teller, kept: bool) -> dict[str, object]:
    """The demo in this folder; what it came to, as a document."""
    with opened(folder / "ledger") as consortium:
        document = request_life(consortium, tell)
        if kept:
            _save_keys(consortium, folder)
    document |= audit(folder, tell)
    if kept:
        shutil.rmtree(folder / "patched")
    return document


@contextmanager
def opened(folder: Path, machine: "LedgerMachine | None" = None) -> "Iterator[Consortium]":
    """A consortium with a ledger in this folder, some days ago."""
    from ...client import wall_clock
    from .consortium import DAY, Consortium

    consortium = Consortium(folder, wall_clock() - DAYS_AGO * DAY, machine)
    try:
        yield consortium
    finally:
        consortium.close()


def request_life(consortium: "Consortium", tell: Teller) -> dict[str, object]:
    """A request from escrow to refund; nobody trains, and the ledger needs nobody to do what is right."""
    from ...ledger.transactions import Leave
    from .consortium import BALANCE, DEPOSIT, NAMES, REWARD, ROUNDS

    tell.say(f"Three organisations keep one ledger: {', '.join(NAMES)}, {BALANCE:,} tokens each.", "")
    offers = _offers(consortium, tell)
    request = consortium.post()
    tell.step("ada asks for a model of the wear", f"{output.tokens(REWARD)} go into escrow")
    tell.step("bob applies by the revoked grant", _refusal(consortium, request, offers["revoked"]))
    for member in ("bob", "cleo"):
        consortium.apply(member, request, offers[member])
    tell.step("bob and cleo apply", f"{DEPOSIT} tokens each at stake, ε of {ROUNDS} rounds held")
    team = consortium.await_stage(request, "rounds")
    tell.step("the team is formed", f"{team.leader} leads; each owes a model within the hour")
    consortium.submit("bob", Leave(request))
    ended = consortium.await_stage(request, "settled", "refunded")
    tell.step("bob leaves, cleo stays", f"the request is {ended.stage}: {ended.outcome}")
    rows = consortium.settlement()
    tell.say("", *(f"  {line}" for line in _table(rows)), "")
    spent = ", ".join(f"{name} {epsilon_up(consortium.spent(name))}" for name in ("bob", "cleo"))
    charged = "charged when a phase opens (per record, at δ 1e-6; the ledger's Rényi accountant)"
    tell.step("ε spent of 10, training rows", f"{spent}; {charged}")
    return {"request": request, "stage": ended.stage, "settlement": [vars(row) for row in rows]}


def _offers(consortium: "Consortium", tell: Teller) -> "dict[str, Offer]":
    """What bob and cleo permit, and what bob permitted and took back."""
    from ...base.ids import digest
    from ...ledger.transactions import RevokeGrant

    units = {}
    for owner in ("bob", "cleo"):
        roots = (digest(f"{owner}: {rows}".encode()) for rows in ("training", "judging"))
        units[owner] = consortium.register(owner, ROWS, *roots)
    tell.step("bob and cleo register units", f"{ROWS:,} rows stay with each; ε 10 for ever")
    revoked = consortium.grant("bob", units["bob"], "ada", 5)
    tell.step("bob grants ada its use", f"{revoked.grant[:14]}, five times")
    consortium.submit("bob", RevokeGrant(revoked.grant))
    tell.step("bob revokes it", "it permits nothing any more")
    offers = {owner: consortium.grant(owner, unit, "ada", 1) for owner, unit in units.items()}
    tell.step("both grant ada one use", "")
    return {**offers, "revoked": revoked}


def _refusal(consortium: "Consortium", request: str, offer: "Offer") -> str:
    from ...client import TransactionRefused

    try:
        consortium.apply("bob", request, offer)
    except TransactionRefused as refused:
        return f"refused: {refused.receipt.detail.rpartition(': ')[2]}"
    return "accepted, which it should not be"


def _table(rows: "Sequence[Settlement]") -> list[str]:
    heads = ("member", "had", "escrow", "reward", "fines", "back", "has", "credit")
    shown = [(row.member, *(output.amount(getattr(row, head)) for head in heads[1:])) for row in rows]
    total = [output.amount(sum(getattr(row, head) for row in rows)) for head in heads[1:]]
    return output.table(heads, [*shown, ("together", *total)], "")


def epsilon_up(nano: int) -> str:
    """Three places, rounded up as an ε must be."""
    whole, rest = divmod(-(-nano // 10**6), 1000)
    return f"{whole}.{rest:03d}"


def audit(folder: Path, tell: Teller) -> dict[str, object]:
    """Execute the export again; then one with a flipped bit, and one by a ledger that pays falsely."""
    from ...engines.engine import ledger_machine
    from ...engines.export import export, verify

    true, flipped, patched = (folder / f"{name}.tally" for name in ("demo", "flipped", "patched"))
    export(folder / "ledger", true)
    report = verify(true)
    tell.say("", "Nobody has to believe this: the ledger is exported and executed again.", "")
    blocks = f"{report.height} blocks, {report.transactions} transactions: all true"
    tell.step("the export", _verdict(report, blocks))
    _flip(true, flipped)
    damaged = verify(flipped)
    tell.step("the same with one bit flipped", _verdict(damaged, "NOT CAUGHT"))
    with opened(folder / "patched", stealing(ledger_machine())) as consortium:
        request_life(consortium, Teller(silent=True))
    export(folder / "patched", patched)
    theft = verify(patched)
    tell.step(f"a settlement {STOLEN} tokens off", _verdict(theft, "NOT CAUGHT"))
    return {"export": report, "flipped": damaged, "patched": theft}


def _verdict(report: "AuditReport", sound: str) -> str:
    return sound if report.sound else f"caught: {report.problem}"


def _flip(source: Path, target: Path) -> None:
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)


def stealing(machine: "LedgerMachine") -> "LedgerMachine":
    """Rules that take tokens from cleo to bob when a request ends; supply, hashes and signatures fit."""
    from msgspec.structs import replace

    from ...ledger.notices import RequestEnded
    from ...ledger.state import ACCOUNTS

    def apply_block(*given: Any) -> Any:
        outcome: Any = machine.apply_block(*given)
        notices = [*outcome.notices, *(notice for receipt in outcome.receipts for notice in receipt.notices)]
        if not any(isinstance(notice, RequestEnded) for notice in notices):
            return outcome
        writes = dict(outcome.writes)
        for member, more in (("cleo", -STOLEN), ("bob", STOLEN)):
            key = ACCOUNTS.key(member).encode()
            account = ACCOUNTS.decode(writes[key])
            writes[key] = ACCOUNTS.encode(replace(account, balance=account.balance + more))
        return dataclasses.replace(outcome, writes=writes)

    return dataclasses.replace(machine, apply_block=apply_block)


def _save_keys(consortium: "Consortium", folder: Path) -> None:
    from ...base.keys import save_key
    from ...client import BLOCKS_KEY

    (folder / "keys").mkdir()
    for name, key in consortium.keys.items():
        save_key(folder / "keys" / f"{name}.key", key, None)
    save_key(folder / "ledger" / BLOCKS_KEY, consortium.blocks, None)


def next_steps(keep: Path | None) -> list[str]:
    """What to type next: to look around where the demo is kept, else to begin."""
    if keep is None:
        return ["", "Next, keep it and look around, or make your own:", "", *NEXT]
    return [
        "",
        f"All of it is in {keep}. Look around:",
        "",
        f"  export TALLY_LEDGER={keep / 'ledger'} TALLY_KEY={keep / 'keys' / 'ada.key'}",
        "  tally request list --all",
        "  tally ledger show account bob",
        f"  tally ledger verify {keep / 'patched.tally'}",
    ]
