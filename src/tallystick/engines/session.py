"""One member's writing to one ledger: numbers, signatures, handing in, waiting, what is safe to try again.

A number is used once, for ever. What is sealed under one that another transaction used can never be executed,
so it is sealed anew under the next; whatever may still be executed is never sealed a second time.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple, final

from ..base.keys import Signer
from ..ledger import transactions as tx
from ..ledger.rejections import NumberTooFar, NumberUsed
from ..ledger.state import ACCOUNTS
from ..ledger.views import find
from .engine import (
    Answer,
    Engine,
    EngineError,
    EngineStopped,
    LedgerUnreachable,
    NotCommitted,
    NotTaken,
    Ticket,
)
from .values import UnsoundValue, seal_sound

VALID_FOR: Final = 600_000  # milliseconds in which a transaction must find its block
PATIENCE: Final = 10.0  # seconds in which what is not taken now is handed in again
PAUSE: Final = 0.05  # seconds
ATTEMPTS: Final = 64  # numbers that others may have used before it is given up


class Sealed(NamedTuple):
    """A signed transaction, and what it is called."""

    envelope: tx.Envelope
    unsealed: tx.Unsealed

    @property
    def number(self) -> int:
        return self.envelope.number

    @property
    def valid_until(self) -> int:
        return self.envelope.valid_until

    @property
    def digest(self) -> bytes:
        return self.unsealed.name

    @property
    def transaction(self) -> bytes:
        return self.unsealed.data


def sealed_before(transaction: bytes) -> Sealed:
    """A transaction that was kept from an earlier session, to be handed in again."""
    unsealed = tx.unseal(transaction)
    if unsealed.envelope is None:
        raise UnsoundValue(f"what was kept is no transaction: {unsealed.flaw}")
    return Sealed(unsealed.envelope, unsealed)


@final
@dataclass(eq=False)
class Pending:
    """A transaction under way; sealed anew, and called otherwise, where another used its number first."""

    sealed: Sealed
    valid_for: int
    ticket: Ticket | None = None
    answer: Answer | None = None
    attempts: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)  # held by whoever waits for it

    @property
    def number(self) -> int:
        return self.sealed.number

    @property
    def digest(self) -> bytes:
        return self.sealed.digest


@final
class Session:
    """A member who writes to an engine, from several threads, and beside other sessions of the same member.

    `now` is the time in milliseconds by which transactions end, `valid_for` how long each may take at most.
    With `alone` nobody else writes for the member: what is sealed follows from body, number and time.
    Without it a transaction ends up to a tenth earlier, by chance: two processes that ask the same at the
    same moment would else seal the same bytes, and both take the one answer for their own.
    """

    def __init__(
        self,
        engine: Engine,
        signer: Signer,
        member: str,
        now: Callable[[], int],
        valid_for: int = VALID_FOR,
        patience: float = PATIENCE,
        alone: bool = False,
    ) -> None:
        self.engine, self.signer, self.member = engine, signer, member
        self.now, self.valid_for = now, valid_for
        self._patience, self._alone = patience, alone
        self._chain = ""
        self._lock = threading.Lock()
        self._low = 0  # every number below is used
        self._used: set[int] = set()  # of those from there on, as far as it is known here
        self._flying: dict[int, int] = {}  # numbers that may yet be used, and until when
        self._pending: dict[int, Pending] = {}

    def send(self, body: tx.Transaction, valid_for: int | None = None) -> Answer:
        """Seal, hand in, and wait: what became of it, a refusal too."""
        return self.wait(self.submit(body, valid_for))

    def seal(self, body: tx.Transaction, valid_for: int | None = None) -> Sealed:
        """The body under a number of its own, signed; a value out of range is named before that."""
        return self._seal(body, self.valid_for if valid_for is None else valid_for, wait=self._make_room)

    def submit(self, body: tx.Transaction, valid_for: int | None = None) -> Pending:
        """Seal and hand in; the answer is waited for with `wait`."""
        return self.hand_in(self.seal(body, valid_for), valid_for)

    def hand_in(self, sealed: Sealed, valid_for: int | None = None) -> Pending:
        """Hand in what was sealed here, or by an earlier session: the same bytes are executed once."""
        with self._lock:
            self._flying[sealed.number] = sealed.valid_until
        pending = Pending(sealed, self.valid_for if valid_for is None else valid_for)
        with pending.lock:
            self._hand_in(pending)
        return pending

    def wait(self, pending: Pending) -> Answer:
        """The answer once its block is durable; a time-out names the transaction, to be looked up later."""
        with pending.lock:
            while pending.answer is None:
                if pending.ticket is None:
                    raise ValueError("a transaction that was not handed in has no answer")
                try:
                    answer = self.engine.wait(pending.ticket)
                except (LedgerUnreachable, EngineStopped) as failure:
                    raise NotCommitted(pending.digest, str(failure)) from failure
                self._settle(pending, answer)
            return pending.answer

    # Handing in

    def _hand_in(self, pending: Pending) -> None:
        """Until it is under way or has its answer; called with the transaction's lock."""
        while pending.answer is None:
            pending.ticket = self._submitted(pending.sealed)
            with self._lock:
                self._pending[pending.number] = pending
            if pending.ticket.answer is None:
                return
            self._settle(pending, pending.ticket.answer, hand_in=False)

    def _submitted(self, sealed: Sealed) -> Ticket:
        """The same bytes, as often as it takes: they are executed once, however often they are handed in."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                ticket = self.engine.submit(sealed.unsealed)
            except NotTaken:
                if time.monotonic() > deadline:
                    self._release(sealed.number, used=False)
                    raise
            except LedgerUnreachable as failure:
                raise NotCommitted(sealed.digest, str(failure)) from failure
            else:
                too_far = ticket.answer is not None and ticket.answer.receipt.code == NumberTooFar.code
                if not too_far or time.monotonic() > deadline:
                    return ticket
            time.sleep(PAUSE)

    def _settle(self, pending: Pending, answer: Answer, hand_in: bool = True) -> None:
        """Take the answer, or seal it anew where another transaction used the number."""
        if answer.receipt.code == NumberUsed.code:
            known = self.engine.find(pending.digest)  # by these very bytes, if an answer was lost on its way
            if known is not None and known.receipt.code != NumberUsed.code:
                answer = known
            elif pending.attempts < ATTEMPTS:
                self._release(pending.number, used=True)
                pending.attempts += 1
                pending.sealed = self._seal(
                    pending.sealed.envelope.body, pending.valid_for, 4 * pending.attempts, self._await_room
                )
                pending.ticket = None
                if hand_in:
                    self._hand_in(pending)
                return
        # Who is not authentic or not permitted at the door has used no number; a refusal in a block has.
        self._release(pending.number, used=answer.height is not None and bool(answer.receipt.member))
        pending.answer = answer

    # Sealing

    def _seal(
        self, body: tx.Transaction, valid_for: int, spread: int = 1, wait: Callable[[], None] | None = None
    ) -> Sealed:
        if not self._chain:
            self._chain = self.engine.status().chain
        until = self.now() + valid_for
        if not self._alone and valid_for > 0:
            until -= secrets.randbelow(valid_for // 10 + 1)
        while (number := self._take(until, spread)) is None:
            (wait or self._make_room)()
        envelope = tx.Envelope(tx.FORMAT, self._chain, self.member, self.signer.public, number, until, body)
        try:
            return Sealed(envelope, seal_sound(envelope, self.signer.sign))
        except BaseException:
            self._release(number, used=False)
            raise

    def _take(self, until: int, spread: int) -> int | None:
        """The lowest free number, or any of so many where others take them too; None if none is free."""
        account = find(self.engine, ACCOUNTS, self.member)
        now = self.now()
        with self._lock:
            if account is not None:
                self._low = max(self._low, account.low)
                self._used.update(account.ahead)
            low = self._low
            self._used = {number for number in self._used if number >= low}
            self._flying = {
                number: end for number, end in self._flying.items() if number >= low and end > now
            }
            self._pending = {
                number: self._pending[number] for number in self._flying if number in self._pending
            }
            window = range(low, low + tx.NUMBER_WINDOW)
            free = (number for number in window if number not in self._used and number not in self._flying)
            lowest = list(islice(free, spread))
            if not lowest:
                return None
            number = lowest[0] if spread == 1 else secrets.choice(lowest)
            self._flying[number] = until
            return number

    def _release(self, number: int, used: bool) -> None:
        with self._lock:
            self._flying.pop(number, None)
            self._pending.pop(number, None)
            if used:
                self._used.add(number)

    def _make_room(self) -> None:
        """Wait for the oldest transaction under way: a member may have so many at a time."""
        with self._lock:
            oldest = next(iter(self._pending.values()), None)
        if oldest is None:
            raise EngineError(
                f"{tx.NUMBER_WINDOW} transactions of {self.member} are sealed and not yet in a block; "
                "hand them in, or wait until they end"
            )
        self.wait(oldest)

    def _await_room(self) -> None:
        """Whoever holds one transaction does not wait for the lock of another."""
        time.sleep(PAUSE)
