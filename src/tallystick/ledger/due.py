"""What has come due is served before a block's transactions, the earliest first."""

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from . import deadlines
from .notices import Alarm, RulesUpgraded
from .records import Due
from .rejections import Refusal
from .state import CHAIN, DUE, Draft

MOST_RECORDS = 20_000  # read and written in one block by what is due; what is left waits for the next

Serve = Callable[[Draft, str], None]


def serve(draft: Draft, served_by: dict[str, Serve], give_up: Callable[..., None]) -> None:
    """Serve the due entries of this block, earliest first, as many as a block may.

    One entry may end a phase of thousands of members, so that not only their number is limited.
    """
    chain = draft.get(CHAIN)
    if chain.next_version and draft.height >= chain.upgrade_height:
        _upgrade(draft)
    for key, entry in draft.scan(DUE, limit=chain.due_limit):
        deadline = int(key.split("/")[1])
        if not deadlines.is_due(draft, deadline) or len(draft.loaded) + len(draft.decided) >= MOST_RECORDS:
            return
        if draft.find(DUE, deadline, entry.step, entry.of) is None:
            continue  # what came due before it took it back
        if not _done(draft, deadline, entry, served_by[entry.step]):
            _done(draft, deadline, entry, partial(give_up, step=entry.step))


def _done(draft: Draft, deadline: int, entry: Due, serve_one: Serve) -> bool:
    """Take an entry from the queue and serve it; after a fault it is only gone, with an alarm."""
    before = len(draft.notices)
    fault = ""
    deadlines.cancel(draft, deadline, entry.step, entry.of)
    try:
        serve_one(draft, entry.of)
    except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError, Refusal) as error:
        fault = type(error).__name__
        draft.drop(before)
        deadlines.cancel(draft, deadline, entry.step, entry.of)
        draft.emit(Alarm(f"{entry.step} {entry.of}: {fault}"))
    draft.keep()
    return not fault


def _upgrade(draft: Draft) -> None:
    chain = draft.get(CHAIN)
    draft.put(CHAIN, replace(chain, version=chain.next_version, next_version=0, upgrade_height=0))
    draft.emit(RulesUpgraded(chain.next_version))
    draft.keep()
