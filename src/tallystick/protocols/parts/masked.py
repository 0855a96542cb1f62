"""The secure sum as phases: keys, shares, masked, arrived, unmask, and the mean out of it (coalition § 3.2).

Nobody sees a member's model, only the sum over those whose masked bytes arrived. The leader says once, on the
ledger, whose did: all unmask for that list and no other, which a member could not be brought to do twice.
A member's secrets of a round follow from what its node keeps for the round, so that nothing is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeVar

import numpy as np

from ...base.codec import Decoder, Malformed, Record, encode
from ...base.ids import digest
from ...learning.fixed_point import DEFAULT, Overflow
from ...learning.learner import Model, model_of, size_of, vector_of
from ...learning.spec import Spec
from ...privacy.randomness import key_stream
from ...privacy.secure_sum import fixed_point, opening, session
from ...privacy.secure_sum.masks import BadKey
from ..vocabulary import Bench, Do, Job, Lost, Product
from .protect import Protection, rule_of
from .train import train

T = TypeVar("T")
Posts = Mapping[str, Model | bytes | Lost]

WORDS = "words"
INLINE = 40  # seats whose sealed shares fit into one post; above it members share with neighbours only
DEGREE = 38
FAILED = (session.SumRefused, Overflow, BadKey)


class Dealt(Record):
    """A member's sealed shares, by the seat that can open each."""

    boxes: tuple[tuple[int, bytes], ...]


class Arrived(Record):
    """The seats whose masked words the leader has."""

    seats: tuple[int, ...]


_keys, _dealt, _arrived, _reveal = (
    Decoder(session.SumKeys),
    Decoder(Dealt),
    Decoder(Arrived),
    Decoder(session.SumReveal),
)


def post_keys() -> Do:
    """Two fresh public keys and the digest of one's own mask's seed."""
    return Do("inline", _each(lambda the, job: Product(inline=encode(the.begun(job)[1]))))


def deal_shares(keys: str = "keys") -> Do:
    """Shares of one's seed and mask key, sealed for each who can open them."""

    def made(the: _Sum, job: Job) -> Product:
        boxes = session.deal(the.begun(job)[0], the.keys, _entropy(job.secret))
        return Product(inline=encode(Dealt(tuple(sorted(boxes.items())))))

    return Do("inline", _each(made, keys), reads=(keys,))


def train_masked(
    protect: Protection | None = None, keys: str = "keys", shares: str = "shares", as_if: str = "train"
) -> Do:
    """Train from the round's start, and post the model times its rows under masks that only a sum takes off.

    The training draws what a phase called `as_if` would have drawn: masks change nothing but who sees what.
    """

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        alike = [replace(job, secret=job.secret_of(as_if) or job.secret) for job in jobs]
        trained = dict(zip(jobs, train(bench, alike, [job.start for job in jobs], protect), strict=True))

        def masked(the: _Sum, job: Job) -> Product:
            made, most = trained[job], DEFAULT.capacity // the.plan.seats
            words = fixed_point.words_of(vector_of(made.model or {}), max(1, made.rows), most)
            hidden = session.masked(the.begun(job)[0], the.keys, the.dealers, words)
            return Product({WORDS: hidden.view(np.int64)}, memory=made.memory)

        return _each(masked, keys, shares)(bench, jobs)

    return Do("model", serve, rows="training", event=rule_of(protect), reads=(keys, shares), specs=_specs)


def list_arrived(masked: str = "masked") -> Do:
    """Whose masked words can be read: they are the survivors, for everybody."""

    def made(the: _Sum, job: Job) -> Product:
        posted = job.inbox.get(masked, {})
        there = [seat for author, seat in the.seats.items() if isinstance(posted.get(author), dict)]
        return Product(inline=encode(Arrived(tuple(there))))

    return Do("inline", _each(made), reads=(masked,))


def unmask(arrived: str = "arrived", keys: str = "keys", shares: str = "shares") -> Do:
    """For each survivor one's share of its seed, for each lost member one's share of its mask key."""

    def made(the: _Sum, job: Job) -> Product:
        mine, _ = the.begun(job)
        sealed = {dealer: boxes[mine.seat] for dealer, boxes in the.boxes.items() if mine.seat in boxes}
        survivors = the.survivors(job, arrived)
        return Product(inline=encode(session.unmask(mine, the.keys, sealed, the.dealers, survivors)[1]))

    return Do("inline", _each(made, keys, shares), reads=(arrived, keys, shares))


def open_mean(
    masked: str = "masked",
    arrived: str = "arrived",
    unmasked: str = "unmask",
    keys: str = "keys",
    shares: str = "shares",
) -> Do:
    """The weighted mean of the survivors' models (bpcv eq. 5): the same bits as the plain one."""

    def made(the: _Sum, job: Job) -> Product:
        words, posted = {}, job.inbox.get(masked, {})
        survivors = the.survivors(job, arrived)
        for author, seat in the.seats.items():
            if seat in survivors:
                model = posted.get(author)
                if not isinstance(model, dict):
                    return Product()
                words[seat] = np.asarray(model[WORDS]).view(np.uint64)
        reveals = _read(_reveal, the.seats, job.inbox.get(unmasked, {}))
        total = opening.open_sum(the.plan, the.keys, the.dealers, words, reveals)
        return Product(model_of(fixed_point.mean_of(total)[0], job.start))

    return Do("model", _each(made, keys, shares), reads=(keys, shares, masked, arrived, unmasked))


def _each(
    made: Callable[[_Sum, Job], Product], keys: str = "", shares: str = ""
) -> Callable[[Bench, Sequence[Job]], list[Product]]:
    """Serve a batch: what is public of the sum is read once.

    Nothing is posted where the sum would hide nobody, or others' bytes are of no use: the node says so.
    """

    def caught(the: _Sum, job: Job) -> Product:
        try:
            return made(the, job)
        except FAILED:
            return Product()

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        try:
            the = _Sum.of(bench, jobs[0], keys, shares)
        except FAILED:
            return [Product() for _ in jobs]
        return [caught(the, job) for job in jobs]

    return serve


@dataclass(frozen=True, eq=False)
class _Sum:
    """One round's secure sum, as far as it has come: what everybody may know of it."""

    plan: session.SumPlan
    seats: Mapping[str, int]
    keys: Mapping[int, session.SumKeys]
    boxes: Mapping[int, Mapping[int, bytes]]

    @property
    def dealers(self) -> frozenset[int]:
        """Who posted usable keys and dealt shares."""
        return frozenset(self.boxes) & frozenset(self.keys)

    def begun(self, job: Job) -> tuple[session.Secrets, session.SumKeys]:
        """A member's secrets of this round, and what it posts of them: the same whenever asked for."""
        if job.member not in self.seats:
            raise session.SumRefused(f"{job.member} has no seat in this sum")
        return session.start(self.plan, self.seats[job.member], _entropy(job.secret_of("keys")))

    def survivors(self, job: Job, arrived: str) -> frozenset[int]:
        """Whose words arrived, as the leader said on the ledger; it need not have a seat."""
        for data in job.inbox.get(arrived, {}).values():
            if isinstance(data, bytes):
                with suppress(Malformed):
                    return self.dealers & frozenset(_arrived(data).seats)
        return frozenset()

    @staticmethod
    def of(bench: Bench, job: Job, keys: str, shares: str) -> _Sum:
        seats = {member: seat for seat, member in enumerate(job.team)}
        context = digest(b"secure sum", bench.plan.digest(), job.request.encode(), str(job.round).encode())
        degree = None if len(seats) <= INLINE else DEGREE
        plan = session.plan_for(context, len(seats), size_of(job.start) + 1, degree=degree)
        posted = _read(_keys, seats, job.inbox.get(keys, {}))
        dealt = _read(_dealt, seats, job.inbox.get(shares, {}))
        boxes = {seat: dict(dealer.boxes) for seat, dealer in dealt.items()}
        return _Sum(plan, seats, session.usable(posted), boxes)


def _read(decode: Decoder[T], seats: Mapping[str, int], posted: Posts) -> dict[int, T]:
    """What was posted, by seat; what cannot be read counts for everybody as not posted."""
    read: dict[int, T] = {}
    for author, data in posted.items():
        if isinstance(data, bytes) and author in seats:
            with suppress(Malformed):
                read[seats[author]] = decode(data)
    return read


def _specs(like: Model) -> dict[str, Spec]:
    return {WORDS: Spec("I64", (size_of(like) + 1,))}


def _entropy(secret: bytes) -> Callable[[int], bytes]:
    """Bytes that follow from a member's secret of a phase."""
    fill = key_stream(sha256(b"secure sum" + secret).digest())

    def drawn(count: int) -> bytes:
        array = np.empty(count, np.uint8)
        fill(array)
        return array.tobytes()

    return drawn
