"""What lies beside a ledger on this machine: payloads by their hash, plans, each node's work and secret."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..base.codec import encode
from ..base.ids import digest
from ..protocols.request_plan import RequestPlan, decode_plan
from .payloads.store import PayloadFolder, write_durably
from .work import Duty, WorkFolder


@dataclass(frozen=True)
class Shelf:
    """The folder of a ledger, as its nodes and those who ask use it."""

    folder: Path

    @cached_property
    def payloads(self) -> PayloadFolder:
        """Models and test sets, shared by all here."""
        return PayloadFolder(self.folder / "payloads")

    def keep_plan(self, plan: RequestPlan) -> bytes:
        """Keep a plan; say its digest."""
        name = plan.digest()
        write_durably(self._plan(name), encode(plan))
        return name

    def plan(self, name: bytes) -> RequestPlan | None:
        """The plan with this digest, or None."""
        file = self._plan(name)
        plan = decode_plan(file.read_bytes()) if file.is_file() else None
        return plan if plan is not None and plan.digest() == name else None

    def work_of(self, member: str) -> WorkFolder:
        """What a member's node has made."""
        return WorkFolder(self._home(member) / "work")

    def secret_of(self, member: str) -> NodeSecret:
        """A member's secret, made when it is first asked for."""
        file = self._home(member) / "secret"
        if not file.exists():
            write_durably(file, secrets.token_bytes(32))
            file.chmod(0o600)
        return NodeSecret(file.read_bytes())

    def _plan(self, name: bytes) -> Path:
        return self.folder / "plans" / name.hex()

    def _home(self, member: str) -> Path:
        return self.folder / "nodes" / member


@dataclass(frozen=True)
class NodeSecret:
    """A node's own secret, out of which every turn draws its own."""

    own: bytes

    def __call__(self, duty: Duty) -> bytes:
        return digest(self.own, duty.request.encode(), str(duty.round).encode(), duty.phase.encode())
