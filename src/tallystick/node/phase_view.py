"""An open phase as its workers see it: what the ledger says of it, and the models that they read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from ..learning import payload
from ..learning.learner import Model
from ..ledger import views
from ..ledger.records import Phase, Posting, Progress, RecordDraft, Request
from ..ledger.state import PHASES, PLACES, POSTS, PROGRESS, REQUESTS, TEAMS, Reader
from ..ledger.transactions import posts
from ..protocols.vocabulary import Lost, PhasePlan
from .payloads.store import Payloads
from .trouble import NotAtHand
from .worker import InstalledScheme


@dataclass(frozen=True, eq=False)
class Inbox(Mapping[str, "Model | bytes | Lost"]):
    """Posts by their authors, as they came; bytes are read and checked when somebody looks, and once."""

    readers: Mapping[str, Callable[[], Model | bytes | Lost]]
    read: dict[str, Model | bytes | Lost] = field(default_factory=dict)

    def __getitem__(self, author: str) -> Model | bytes | Lost:
        if author not in self.read:
            self.read[author] = self.readers[author]()
        return self.read[author]

    def __iter__(self) -> Iterator[str]:
        return iter(self.readers)

    def __len__(self) -> int:
        return len(self.readers)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self.readers))


@dataclass(frozen=True, eq=False)
class PhaseView:
    """A request as it stood when somebody looked, and the payloads of this machine."""

    request: Request
    progress: Progress
    scheme: InstalledScheme
    payloads: Payloads
    served: Phase | None = None
    postings: Mapping[str, tuple[Posting, ...]] = field(default_factory=dict)  # of each phase that it reads
    team: tuple[str, ...] = ()  # all who bring data or have, by name
    draft: RecordDraft | None = None

    @property
    def phase(self) -> PhasePlan:
        """What the open phase asks of its members."""
        return self.scheme.phases[self.progress.phase]

    @cached_property
    def start(self) -> Model:
        """The model that the round starts from."""
        data = self.payloads.get(self.progress.model)
        if data is None:
            raise NotAtHand(f"the model that round {self.progress.round} starts from is not to be had")
        return payload.decode(data, payload.specs_of(self.scheme.blank))[1]

    @cached_property
    def first(self) -> Model | None:
        """The model that round 1 started from, where it is to be had."""
        data = self.payloads.get(self.request.initial)
        return None if data is None else payload.decode(data, payload.specs_of(self.scheme.blank))[1]

    @cached_property
    def inbox(self) -> dict[str, Inbox]:
        """What was posted in the phases that this one reads, as it came; each payload is checked once."""
        return {name: self._inbox(name) for name in self.postings}

    @cached_property
    def weights(self) -> dict[str, int]:
        """How many rows each author says it trained on."""
        return {author: model.rows for author, model in self._models()}

    @cached_property
    def hashes(self) -> dict[str, bytes]:
        """The hash of each author's model."""
        return {author: model.payload.plaintext for author, model in self._models()}

    @property
    def recorded(self) -> bytes:
        """The hash of the model that is to be measured: the recorded one, or that of the last round."""
        return self.draft.model if self.draft else self.progress.model

    def header(self, author: str) -> payload.PayloadHeader:
        """What a payload of this round is bound to."""
        return payload.PayloadHeader(
            author, self.request.request, self.progress.round, self.request.plan.hex()
        )

    def _models(self) -> Iterator[tuple[str, posts.Model]]:
        for postings in self.postings.values():
            for posting in postings:
                if isinstance(posting.content, posts.Model):
                    yield posting.member, posting.content

    def _inbox(self, name: str) -> Inbox:
        do = next(phase.do for phase in self.scheme.phases if phase.name == name)
        specs = (do.specs or payload.specs_of)(self.scheme.blank)
        readers: dict[str, Callable[[], Model | bytes | Lost]] = {}
        for posting in self.postings[name]:
            author, content = posting.member, posting.content
            if isinstance(content, posts.Inline):
                readers[author] = partial(bytes, content.data)
            elif isinstance(content, posts.Model):
                readers[author] = partial(self._model, author, content.payload.plaintext, specs)
        return Inbox(readers)

    def _model(self, author: str, name: bytes, specs: Mapping[str, payload.Spec]) -> Model | Lost:
        data = self.payloads.get(name)
        if data is None:
            return "unavailable"
        try:
            return payload.decode(data, specs, self.header(author))[1]
        except payload.BadPayload:
            return "malformed"


def open_view(view: Reader, name: str, scheme: InstalledScheme, payloads: Payloads) -> PhaseView:
    """The open phase of a request, with what it reads."""
    request, progress = _request(view, name)
    served = views.find(view, PHASES, name, progress.phase)
    order = [phase.name for phase in scheme.phases]
    reads = scheme.phases[progress.phase].do.reads
    postings = {read: _postings(view, name, order.index(read)) for read in reads}
    return PhaseView(request, progress, scheme, payloads, served, postings, _team(view, name))


def closing_view(view: Reader, name: str, scheme: InstalledScheme, payloads: Payloads) -> PhaseView:
    """A request whose rounds are over, with the record that is being decided on."""
    request, progress = _request(view, name)
    return PhaseView(request, progress, scheme, payloads, draft=views.draft_of_record(view, name))


def _request(view: Reader, name: str) -> tuple[Request, Progress]:
    request, progress = views.find(view, REQUESTS, name), views.find(view, PROGRESS, name)
    if request is None or progress is None:
        raise NotAtHand(f"there is no request {name}")
    return request, progress


def _postings(view: Reader, name: str, index: int) -> tuple[Posting, ...]:
    """The posts of a phase that stand, in their order."""
    served = views.find(view, PHASES, name, index)
    posted = [views.find(view, POSTS, name, index, member) for member in (served.owed if served else ())]
    standing = [posting for posting in posted if posting is not None and posting.accepted]
    return tuple(sorted(standing, key=lambda posting: posting.order))


def _team(view: Reader, name: str) -> tuple[str, ...]:
    """All who bring data or have, by name: whoever leaves in the middle of a round moves no seat."""
    team = views.find(view, TEAMS, name)
    members = (*team.active, *team.gone) if team else ()
    places = [views.find(view, PLACES, name, member) for member in members]
    return tuple(sorted(place.member for place in places if place is not None and place.role != "analyst"))
