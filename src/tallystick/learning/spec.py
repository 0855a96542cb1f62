"""What the tensors of a model must look like, and the refusal of those that do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

Reason: TypeAlias = Literal["size", "header", "name", "type", "shape", "layout", "schema", "binding", "value"]


class BadPayload(ValueError):
    """Bytes or tensors that are not the model they should be; `reason` says in one word what is wrong."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


def refuse(reason: Reason, detail: str) -> NoReturn:
    raise BadPayload(reason, detail)


@dataclass(frozen=True, slots=True)
class Spec:
    """The type and shape that a tensor must have; None stands for any length."""

    kind: str
    shape: tuple[int | None, ...]
