"""`tally demo`: clinics that learn together; or what a ledger enforces by itself, where nothing learns."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, command
from ..context import Context, stop
from . import ledger_demo

if TYPE_CHECKING:
    from types import ModuleType

PAGE = "tally-demo.html"
BARE = (
    "The learning parts are not installed (pip install 'tallystick[learn]' brings them), so this is the "
    "ledger by itself."
)
LEARN_NEXT = (
    "  tally new mine",
    "  tally simulate --data mine.csv --label fault --by site",
    "  tally demo --private",
    "  tally demo --keep look",
    "  tally demo --ledger-only",
    "  tally --help",
)


@command("tally demo", "tally demo --keep look")
@click.option("--keep", type=FILE, metavar="DIR", help="Keep the ledger and all else in a new folder.")
@click.option("--ledger-only", is_flag=True, help="The ledger by itself: no training, two frauds caught.")
@click.option("--private", is_flag=True, help="With DP-SGD at the clinics: what ε 8 for a record costs.")
def demo(at: Context, keep: Path | None, ledger_only: bool, private: bool) -> None:
    """Watch five clinics learn together, one malicious, one that leaves.

    Real recordings, real training, signed transactions on a real ledger; only time is virtual. Without the
    learning parts it shows the ledger by itself: three organisations, and an audit that catches two frauds.
    """
    learning = None if ledger_only else _learning()
    if learning is not None:
        _clinics(at, learning, keep, private)
        return
    tell = ledger_demo.Teller(at.json)
    if not ledger_only:
        tell.say(*output.sentence(BARE), "")
    with _folder(keep) as folder:
        document = ledger_demo.play(folder, tell, kept=keep is not None)
        tell.say(*ledger_demo.next_steps(keep))
        at.show(document, [])


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
    from ...simulation.result import document
    from .live_view import LiveView

    tell = LiveView(at.json)
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


app = demo
