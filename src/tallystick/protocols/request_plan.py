"""The frozen plan of one request, hashed: task, preset, learner and every setting; the request names it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ..base.codec import Decoder, Record, encode
from ..base.ids import Count, Digest, Name, digest
from ..base.task import Task

Spelled = Annotated[str, Meta(max_length=200_000)]  # the one spelling of a value; a schedule is long
Stated = Annotated[tuple[tuple[Name, Spelled], ...], Meta(max_length=256)]


class RequestPlan(Record):
    """What all members of a request do alike; values are spelled, so that its bytes are equal everywhere."""

    task: Task
    preset: Name
    preset_version: Name
    learner: Name
    learner_version: Name
    source: Digest  # of the learner's source: a node runs only what its owner installed and allowed
    settings: Stated = ()  # every setting that the preset knows, by name
    seed: Count = 0
    batch: Annotated[int, Meta(ge=1, le=10**6)] = 32
    epochs: Annotated[int, Meta(ge=1, le=10**4)] = 1
    readers: Annotated[tuple[Name, ...], Meta(max_length=64)] = ()
    depends: Annotated[tuple[str, ...], Meta(max_length=64)] = ()  # ranges of the packages it needs

    def digest(self) -> bytes:
        """The hash by which a request names its plan."""
        return digest(b"plan", encode(self))


decode_plan = Decoder(RequestPlan)
