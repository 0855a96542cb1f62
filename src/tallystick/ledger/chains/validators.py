"""Who votes on blocks: the members of one role, by the keys that they named; the set moves in small steps."""

from typing import Final

from msgspec.structs import replace

from .. import deadlines
from ..notices import ValidatorsChanged
from ..records import Validators
from ..state import MEMBERS, VALIDATOR_KEYS, VALIDATORS, Draft

APART = 3  # blocks between two changes: CometBFT applies one two blocks after the block that made it
DUE: Final = "validators"


def follow(draft: Draft) -> None:
    """At the end of a block in which members or their nodes' keys changed, let the validators follow."""
    if MEMBERS.name in draft.written or VALIDATOR_KEYS.name in draft.written:
        serve(draft, "")
        draft.keep()


def serve(draft: Draft, _of: str) -> None:
    """Go one step towards the validators that the members' roles and keys ask for."""
    now = draft.find(VALIDATORS)
    if now is None:
        return
    if now.due:
        deadlines.cancel(draft, now.due, DUE, draft.chain)
    following = _step(draft, now)
    if following.due:
        deadlines.schedule(draft, following.due, DUE, draft.chain)
    if following.keys != now.keys:
        draft.emit(ValidatorsChanged(following.keys))
    if following != now:
        draft.put(VALIDATORS, following)


def _step(draft: Draft, now: Validators) -> Validators:
    named, present = _named(draft, now.role), set(now.keys)
    moves = [*sorted(named - present), *sorted(present - named)]
    if not moves or not named:  # the last ones stay: a chain without validators would be over
        return replace(now, due=0)
    if draft.height < now.changed + APART:
        return replace(now, due=draft.time + 1)
    step = moves[: most_at_once(len(present))]
    later = draft.time + 1 if len(step) < len(moves) else 0
    return replace(now, keys=tuple(sorted(present ^ set(step))), changed=draft.height, due=later)


def most_at_once(validators: int) -> int:
    """How many may join or leave together: less than a third of them, and at least one."""
    return max(1, (validators - 1) // 3)


def _named(draft: Draft, role: str) -> set[bytes]:
    keys = set()
    for name, named in draft.scan(VALIDATOR_KEYS):
        member = draft.get(MEMBERS, name.partition("/")[2])
        if member.active and role in member.roles:
            keys.add(named.key)
    return keys
