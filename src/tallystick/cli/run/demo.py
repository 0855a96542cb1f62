"""`tally demo`: clinics that learn together; or the ledger's own story, with two frauds that are caught."""

import dataclasses
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import FILE, Context, command, stop

if TYPE_CHECKING:
    from types import ModuleType

    from ...engines.engine import Machine
    from ...engines.export import Report
    from ..story import Story

STOLEN = 50
LEFT = 36  # columns of what is done; what came of it stands to the right
DAYS_AGO = 3  # the story ends before now, so that its ledger can be used afterwards
PAGE = "tally-demo.html"
BARE = (
    "The learning parts are not installed (pip install 'tallystick[learn]' brings them), so this is the "
    "ledger's own story."
)
LEARN_NEXT = (
    "  tally new mine",
    "  tally simulate --data mine.csv --label fault --by site",
    "  tally demo --private",
    "  tally demo --keep look",
    "  tally demo --ledger-only",
    "  tally --help",
)
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
            print("\n".join(lines))
            sys.stdout.flush()

    def step(self, what: str, outcome: str = "") -> None:
        first, *rest = textwrap.wrap(outcome, output.WIDTH - LEFT) or [""]
        self.say(f"  {what:<{LEFT - 2}}{first}".rstrip(), *(" " * LEFT + more for more in rest))


@command("tally demo", "tally demo --keep look")
@click.option("--keep", type=FILE, metavar="DIR", help="Keep the ledger and all else in a new folder.")
@click.option("--ledger-only", is_flag=True, help="The ledger's own story: no training, two frauds caught.")
@click.option("--private", is_flag=True, help="With DP-SGD at the clinics: what ε 8 for a record costs.")
def demo(at: Context, keep: Path | None, ledger_only: bool, private: bool) -> None:
    """Watch five clinics learn together, one malicious, one that leaves.

    Real recordings, real training, signed transactions on a real ledger; only time is virtual. Without the
    learning parts it tells the ledger's own story: three organisations, and an audit that catches two frauds.
    """
    learning = None if ledger_only else _learning()
    if learning is not None:
        _clinics(at, learning, keep, private)
        return
    tell = Teller(at.json)
    if not ledger_only:
        tell.say(*output.sentence(BARE), "")
    with _folder(keep) as folder:
        with _story(folder / "ledger") as story:
            told = _play(story, tell)
            if keep is not None:
                _save_keys(story, folder)
        audit = _audit(folder, tell)
        _say_next(tell, keep)
        at.show({**told, **audit}, [])


def _learning() -> "ModuleType | None":
    """The clinics' story, where what it needs is installed."""
    try:
        from ...simulation import demo as story
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "tallystick":
            raise
        return None
    return story


def _clinics(at: Context, story: "ModuleType", keep: Path | None, private: bool) -> None:
    """The clinics' story as it runs, its page, and what to try next."""
    from ...simulation.document import document
    from .live_view import LiveView

    tell = LiveView(at.json, story.ROUNDS)
    if keep is not None and keep.exists():
        stop(f"{keep} exists already; choose a new folder to keep the demo in")
    run = story.demo(keep, tell.say, tell.hear, private)
    page = run.report(PAGE if keep is None else keep / "report.html")
    where = None if keep is None else str(keep)
    at.show({**document(run), "report": str(page), "verified": run.verify(), "folder": where}, [])
    tell.say(f"All of it with pictures is on one page: {page}")
    if keep is None:
        tell.say("", "Next, with a table of your own, or keep this and look around:", "", *LEARN_NEXT)
        return
    ledger, export = keep / "ledger", keep / "run.tally"
    tell.say("", f"All of it is in {keep}. Look around:", "", f"  export TALLY_LEDGER={ledger}")
    tell.say("  tally request list --all", f"  tally ledger show account {story.LEAVER}")
    tell.say(f"  tally ledger verify {export}")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="tally-demo-") as name:
            yield Path(name)
        return
    if keep.exists():
        stop(f"{keep} exists already; choose a new folder to keep the demo in")
    keep.mkdir(parents=True)
    yield keep


@contextmanager
def _story(folder: Path, machine: "Machine | None" = None) -> Iterator["Story"]:
    from ...client import wall_clock
    from ..story import DAY, Story

    story = Story(folder, wall_clock() - DAYS_AGO * DAY, machine)
    try:
        yield story
    finally:
        story.close()


def _play(story: "Story", tell: Teller) -> dict[str, Any]:
    """The request's life; what it came to, as a document."""
    from ..story import BALANCE, DEPOSIT, NAMES, REWARD, ROUNDS

    tell.say(f"Three organisations keep one ledger: {', '.join(NAMES)}, {BALANCE:,} tokens each.", "")
    grants = _offer(story, tell)
    request = story.post()
    tell.step("ada asks for a model of the wear", f"{output.tokens(REWARD)} go into escrow")
    tell.step("bob applies by the revoked grant", _refusal(story, request, grants["revoked"]))
    for member in ("bob", "cleo"):
        story.apply(member, request, *grants[member])
    tell.step("bob and cleo apply", f"{DEPOSIT} tokens each at stake, ε of {ROUNDS} rounds held")
    now = story.serve(request, lambda found: found.round == 3)
    leaver = next(name for name in ("bob", "cleo") if name != now.leader)
    before, after = map(_rounded, now.figures[:2])
    tell.step("two rounds: train, judge, mean", f"agreement {before}, then {after}")
    story.leave(leaver, request)
    ended = story.serve(request, lambda found: found.stage in ("settled", "refunded"))
    record = story.record(request)
    tell.step(f"round 3: {leaver} leaves", f"{record.recorder} serves on, and records the model")
    tell.step(f"the request is {ended.stage}", f"{leaver} is fined for what it missed:")
    rows = story.settlement()
    tell.say("", *_indented(_table(rows)), "")
    spent = ", ".join(f"{name} {_rounded(story.spent(name), 9)}" for name in ("bob", "cleo"))
    tell.step(
        "ε spent of 10, training rows",
        f"{spent} (per record, at δ 1e-6; Gaussian noise, the ledger's Rényi accountant)",
    )
    return {"request": request, "stage": ended.stage, "record": record, "settlement": rows}


def _rounded(value: int, places: int = 6) -> str:
    """Three places, rounded up as an ε must be."""
    whole, rest = divmod(-(-value // 10 ** (places - 3)), 1000)
    return f"{whole}.{rest:03d}"


def _offer(story: "Story", tell: Teller) -> dict[str, Any]:
    from ..story import ROWS

    unit, _ = story.register("bob")
    tell.step("bob registers a unit", f"{2 * ROWS:,} rows stay with bob; ε 10 for ever")
    revoked = story.grant("bob", unit, "ada", 5)
    story.revoke("bob", revoked)
    tell.step("bob grants ada its use", f"{revoked[:14]}, five times")
    tell.step("bob revokes it", "it permits nothing any more")
    other, _ = story.register("cleo")
    found = {"revoked": (unit, revoked), "bob": (unit, story.grant("bob", unit, "ada", 1))}
    found["cleo"] = (other, story.grant("cleo", other, "ada", 1))
    tell.step("cleo registers a unit too", "both grant ada one use")
    return found


def _refusal(story: "Story", request: str, papers: tuple[str, str]) -> str:
    from ...client import Refused

    try:
        story.apply("bob", request, *papers)
    except Refused as refused:
        return f"refused: {refused.receipt.detail.rpartition(': ')[2]}"
    return "accepted, which it should not be"


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    heads = ("member", "had", "escrow", "reward", "fines", "has", "credit")
    shown = [(row["member"], *(output.amount(row[name]) for name in heads[1:])) for row in rows]
    total = [output.amount(sum(row[name] for row in rows)) for name in heads[1:]]
    return output.table(heads, [*shown, ("together", *total)], "")


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _audit(folder: Path, tell: Teller) -> dict[str, Any]:
    """Execute the export again; then one with a flipped bit, and one by a ledger that pays falsely."""
    from ...engines.engine import ledger_machine
    from ...engines.export import export, verify

    true, flipped, patched = (folder / f"{name}.tally" for name in ("demo", "flipped", "patched"))
    export(folder / "ledger", true)
    report = verify(true)
    tell.say("", "Nobody has to believe this: the ledger is exported and executed again.", "")
    tell.step(
        "the export", _found(report, f"{report.height} blocks, {report.transactions} transactions: all true")
    )
    _flip(true, flipped)
    found = verify(flipped)
    tell.step("the same with one bit flipped", _found(found, "NOT CAUGHT"))
    with _story(folder / "patched", stealing(ledger_machine())) as story:
        _play(story, Teller(silent=True))
    export(folder / "patched", patched)
    theft = verify(patched)
    tell.step(f"a settlement {STOLEN} tokens off", _found(theft, "NOT CAUGHT"))
    return {"export": report, "flipped": found, "patched": theft}


def _found(report: "Report", sound: str) -> str:
    return sound if report.sound else f"caught: {report.problem}"


def _flip(source: Path, target: Path) -> None:
    data = bytearray(source.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)


def stealing(machine: "Machine") -> "Machine":
    """Rules that take tokens from cleo to bob when a request settles; supply, hashes and signatures fit."""
    from msgspec.structs import replace

    from ...ledger.notices import RequestEnded
    from ...ledger.state import ACCOUNTS

    def apply_block(*given: Any) -> Any:
        outcome: Any = machine.apply_block(*given)
        said = [*outcome.notices, *(one for receipt in outcome.receipts for one in receipt.notices)]
        if not any(isinstance(one, RequestEnded) for one in said):
            return outcome
        writes = dict(outcome.writes)
        for member, more in (("cleo", -STOLEN), ("bob", STOLEN)):
            key = ACCOUNTS.key(member).encode()
            account = ACCOUNTS.decode(writes[key])
            writes[key] = ACCOUNTS.encode(replace(account, balance=account.balance + more))
        return dataclasses.replace(outcome, writes=writes)

    return dataclasses.replace(machine, apply_block=apply_block)


def _save_keys(story: "Story", folder: Path) -> None:
    from ...base.keys import save_key
    from ...client import BLOCKS_KEY

    (folder / "keys").mkdir()
    for name, key in story.keys.items():
        save_key(folder / "keys" / f"{name}.key", key, None)
    save_key(folder / "ledger" / BLOCKS_KEY, story.blocks, None)


def _say_next(tell: Teller, keep: Path | None) -> None:
    if keep is None:
        tell.say("", "Next, keep it and look around, or make your own:", "", *NEXT)
        return
    shutil.rmtree(keep / "patched", ignore_errors=True)
    tell.say(
        "",
        f"All of it is in {keep}. Look around:",
        "",
        f"  export TALLY_LEDGER={keep / 'ledger'} TALLY_KEY={keep / 'keys' / 'ada.key'}",
        "  tally request list --all",
        "  tally ledger show account bob",
        f"  tally ledger verify {keep / 'patched.tally'}",
    )


app = demo
