"""The due-queue: what deadlines will do, in the order in which they come due."""

from collections.abc import Callable

from msgspec.structs import replace

from .notices import Alarm, RulesUpgraded
from .records import Due
from .state import CHAIN, DUE, Draft

Serve = Callable[[Draft, str], None]


def schedule(draft: Draft, deadline: int, what: str, of: str) -> None:
    """Let this happen as soon as block time has reached the deadline."""
    draft.put(DUE, Due(what, of), deadline, what, of)  # type: ignore[arg-type]


def cancel(draft: Draft, deadline: int, what: str, of: str) -> None:
    """Let it not happen."""
    draft.delete(DUE, deadline, what, of)


def serve(draft: Draft, served_by: dict[str, Serve], failed: Serve) -> None:
    """Serve the due entries of this block, earliest first, as many as a block may."""
    chain = draft.get(CHAIN)
    if chain.next_version and draft.height >= chain.upgrade_height:
        _upgrade(draft)
    for key, entry in draft.scan(DUE, limit=chain.due_limit):
        deadline = int(key.split("/")[1])
        if draft.time < deadline:
            return
        said = len(draft.notices)
        try:
            cancel(draft, deadline, entry.what, entry.of)
            served_by[entry.what](draft, entry.of)
        except (ArithmeticError, ValueError, LookupError, TypeError) as fault:
            draft.drop(said)
            draft.emit(Alarm(f"{entry.what} {entry.of}: {type(fault).__name__}"))
            cancel(draft, deadline, entry.what, entry.of)
            failed(draft, entry.of)
        draft.keep()


def _upgrade(draft: Draft) -> None:
    chain = draft.get(CHAIN)
    draft.put(CHAIN, replace(chain, version=chain.next_version, next_version=0, upgrade_height=0))
    draft.emit(RulesUpgraded(chain.next_version))
    draft.keep()
