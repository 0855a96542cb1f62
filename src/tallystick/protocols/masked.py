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

from ..base.codec import Decoder, Malformed, Record, encode
from ..base.ids import digest
from ..learning.fixed_point import DEFAULT, Overflow
from ..learning.learner import Model, model_of, size_of, vector_of
from ..learning.spec import Spec
from ..privacy.randomness import key_stream
from ..privacy.secure_sum import fixed_point, opening, session
from ..privacy.secure_sum.masks import BadKey
from .protect import Protection, rule_of
from .protocol import Bench, Do, Job, Lost, Product
from .train import train

T = TypeVar("T")
Posts = Mapping[str, Model | bytes | Lost]

WORDS = "words"
INLINE = 40  # seats whose sealed shares fit into one post; above it members share with neighbours only
DEGREE = 38
FAILED = (session.Refused, Overflow, BadKey)


class Dealt(Record):
    """A member's sealed shares, by the seat that can open each."""

    boxes: tuple[tuple[int, bytes], ...]


class Arrived(Record):
    """The seats whose masked words the leader has."""

    seats: tuple[int, ...]


_keys, _dealt, _arrived, _reveal = (
    Decoder(session.Keys),
    Decoder(Dealt),
    Decoder(Arrived),
    Decoder(session.Reveal),
)


def post_keys() -> Do:
    """Two fresh public keys and the digest of one's own mask's seed."""
    return Do("inline", _each(lambda bench, job: Product(inline=encode(_Sum.of(bench, job).mine[1]))))


def deal_shares(keys: str = "keys") -> Do:
    """Shares of one's seed and mask key, sealed for each who can open them."""

    def one(bench: Bench, job: Job) -> Product:
        the = _Sum.of(bench, job, keys)
        boxes = session.deal(the.mine[0], the.keys, _entropy(job.secret))
        return Product(inline=encode(Dealt(tuple(sorted(boxes.items())))))

    return Do("inline", _each(one), reads=(keys,))


def train_masked(
    protect: Protection | None = None, keys: str = "keys", shares: str = "shares", as_if: str = "train"
) -> Do:
    """Train from the round's start, and post the model times its rows under masks that only a sum takes off.

    The training draws what a phase called `as_if` would have drawn: masks change nothing but who sees what.
    """

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        alike = [replace(job, secret=job.secret_of(as_if) or job.secret) for job in jobs]
        trained = train(bench, alike, [job.start for job in jobs], protect)
        return [_caught(_masked, bench, job, made) for job, made in zip(jobs, trained, strict=True)]

    def _masked(bench: Bench, job: Job, made: Product) -> Product:
        the = _Sum.of(bench, job, keys, shares)
        most = DEFAULT.capacity // the.plan.seats
        words = fixed_point.words_of(vector_of(made.model or {}), max(1, made.rows), most)
        hidden = session.masked(the.mine[0], the.keys, the.dealers, words)
        return Product({WORDS: hidden.view(np.int64)}, memory=made.memory)

    return Do("model", serve, rows="training", event=rule_of(protect), reads=(keys, shares), specs=_specs)


def list_arrived(masked: str = "masked") -> Do:
    """Whose masked words can be read: they are the survivors, for everybody."""

    def one(bench: Bench, job: Job) -> Product:
        posted, seats = job.inbox.get(masked, {}), _seats(job)
        there = [seats[author] for author in posted if isinstance(posted[author], dict)]
        return Product(inline=encode(Arrived(tuple(sorted(there)))))

    return Do("inline", _each(one), reads=(masked,))


def unmask(arrived: str = "arrived", keys: str = "keys", shares: str = "shares") -> Do:
    """For each survivor one's share of its seed, for each lost member one's share of its mask key."""

    def one(bench: Bench, job: Job) -> Product:
        the = _Sum.of(bench, job, keys, shares)
        mine, seat = the.mine[0], the.mine[0].seat
        sealed = {dealer: boxes[seat] for dealer, boxes in the.boxes.items() if seat in boxes}
        survivors = the.survivors(job, arrived)
        return Product(inline=encode(session.unmask(mine, the.keys, sealed, the.dealers, survivors)[1]))

    return Do("inline", _each(one), reads=(arrived, keys, shares))


def open_mean(masked: str = "masked", arrived: str = "arrived", unmasked: str = "unmask") -> Do:
    """The weighted mean of the survivors' models (bpcv eq. 5): the same bits as the plain one."""

    def one(bench: Bench, job: Job) -> Product:
        the = _Sum.of(bench, job, "keys", "shares")
        names = {seat: author for author, seat in the.seats.items()}
        words, posted = {}, job.inbox[masked]
        for seat in the.survivors(job, arrived):
            model = posted[names[seat]]
            if not isinstance(model, dict):
                return Product()
            words[seat] = np.asarray(model[WORDS]).view(np.uint64)
        reveals = _read(_reveal, the.seats, job.inbox[unmasked])
        total = opening.open_sum(the.plan, the.keys, the.dealers, words, reveals)
        mean, _ = fixed_point.mean_of(total)
        return Product(model_of(mean, job.start))

    return Do("model", _each(one), reads=("keys", "shares", masked, arrived, unmasked))


def _each(one: Callable[[Bench, Job], Product]) -> Callable[[Bench, Sequence[Job]], list[Product]]:
    return lambda bench, jobs: [_caught(one, bench, job) for job in jobs]


def _caught(one: Callable[..., Product], *given: object) -> Product:
    """Nothing to post where the sum would hide nobody, or others' bytes are of no use: the node says so."""
    try:
        return one(*given)
    except FAILED:
        return Product()


@dataclass(frozen=True, eq=False)
class _Sum:
    """One round's secure sum, as far as it has come."""

    plan: session.Plan
    seats: Mapping[str, int]
    mine: tuple[session.Secrets, session.Keys]
    keys: Mapping[int, session.Keys]
    boxes: Mapping[int, Mapping[int, bytes]]

    @property
    def dealers(self) -> frozenset[int]:
        return frozenset(self.boxes) & frozenset(self.keys)

    def survivors(self, job: Job, arrived: str) -> frozenset[int]:
        """Whose words arrived, as the leader said on the ledger."""
        said = [one.seats for one in _read(_arrived, self.seats, job.inbox[arrived], others=True).values()]
        return self.dealers & frozenset(said[-1] if said else ())

    @staticmethod
    def of(bench: Bench, job: Job, keys: str = "", shares: str = "") -> _Sum:
        seats = _seats(job)
        context = digest(b"secure sum", bench.plan.digest(), job.request.encode(), str(job.round).encode())
        degree = None if len(seats) <= INLINE else DEGREE
        plan = session.plan_for(context, len(seats), size_of(job.start) + 1, degree=degree)
        mine = session.start(plan, seats.get(job.member, 0), _entropy(job.secret_of("keys")))
        posted = _read(_keys, seats, job.inbox.get(keys, {}))
        dealt = _read(_dealt, seats, job.inbox.get(shares, {}))
        boxes = {seat: dict(one.boxes) for seat, one in dealt.items()}
        return _Sum(plan, seats, mine, session.usable(posted), boxes)


def _seats(job: Job) -> dict[str, int]:
    return {member: seat for seat, member in enumerate(job.team)}


def _read(decode: Decoder[T], seats: Mapping[str, int], posted: Posts, others: bool = False) -> dict[int, T]:
    """What was posted, by seat; what cannot be read counts for everybody as not posted."""
    found = {}
    for author, data in posted.items():
        if isinstance(data, bytes) and (others or author in seats):
            with suppress(Malformed):
                found[seats.get(author, -1)] = decode(data)
    return found


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
