"""bp2p (Miao et al.) § 5.2, figures 10 and 11: what a shared task asks of the ledger and of the network.

A relay of 100, 150 and 200 members runs on the real embedded ledger, one pass, judged by a drawn few. Its
blocks hold what could be sent at each moment; they are dealt out at the paper's four transactions a second
and a block every two seconds, in virtual time, and beside that taken as fast as the ledger goes.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.case import Case, Figure, Measured, Peer, Progress, exactly
from experiments.relay.team import LABELS, pixels, team_of

SIZES = (100, 150, 200)
RATE, EVERY = 4, 2  # transactions a second, seconds a block (§ 5.2)
JUDGES, JUDGING, SEED = 16, 200, 1


@dataclass(frozen=True)
class Block:
    """What went through the ledger at one moment: how many transactions, and bytes of each kind."""

    transactions: int
    size: int  # of the transactions
    models: int  # that they hand on
    read: int  # of the state's records
    written: int


def setting_for(members: int) -> Any:
    """The relay of a team with rows as in figures 5–9, and 200 rows each to judge by."""
    from tallystick.base.ids import digest
    from tallystick.base.task import task
    from tallystick.learning.learner import Rows
    from tallystick.learning.models import linear
    from tallystick.learning.scan import scan
    from tallystick.protocols.composing import composed
    from tallystick.protocols.request_plan import RequestPlan
    from tallystick.simulation.setting import Brought, Setting

    team = team_of(members, SEED, pixels)
    x, y = team.test
    brought = {}
    for number in range(members):
        count = int(team.counts[number])
        rows = np.random.default_rng((SEED, number)).choice(len(y), JUDGING, replace=False)
        own = Rows(team.x[number, :count], team.y[number, :count])
        roots = (digest(b"training", bytes([number])), digest(b"judging", bytes([number])))
        brought[f"member-{number:03}"] = Brought(own, Rows(x[rows], y[rows]), roots)
    learner = linear(rate=0.3)
    asked = task(["pixel"], "digit", range(LABELS), shape=x.shape[1:])
    plan = RequestPlan(asked, "relay", "1", learner.name, learner.version, digest(b"source"), batch=128)
    settings = {"size": members, "judges": JUDGES, "fewest": JUDGING, "deposit": 0}
    protocol = composed("relay", settings).protocol
    return Setting(plan, protocol, learner, scan(), brought, 1, reward=10_000)


class Reading:
    """A state whose reads are counted, in bytes of records."""

    def __init__(self, state: Any) -> None:
        self.state, self.bytes = state, 0

    def get(self, key: bytes) -> bytes | None:
        value: bytes | None = self.state.get(key)
        self.bytes += len(value or b"")
        return value

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows: list[tuple[bytes, bytes]] = self.state.scan(prefix, limit)
        self.bytes += sum(len(value) for _, value in rows)
        return rows


def counted(view: Any, genesis: Any) -> list[Block]:
    """Every block that holds transactions, executed again as an auditor would."""
    from tallystick.engines.engine import ledger_machine
    from tallystick.engines.storage.memory import WholeState

    machine = ledger_machine()
    state, blocks = WholeState(machine.first_writes(genesis)), []
    for height in range(1, view.status().height + 1):
        kept, reading = view.block(height), Reading(state)
        block = machine.block(view.status().chain, kept.height, kept.time)
        outcome = machine.apply_block(reading, kept.transactions, block, lambda *signed: True)
        state.put(outcome.writes)
        written = sum(len(key) + len(value or b"") for key, value in outcome.writes.items())
        if kept.transactions:
            size, models = sum(map(len, kept.transactions)), sum(map(model_bytes, kept.transactions))
            blocks.append(Block(len(kept.transactions), size, models, reading.bytes, written))
    return blocks


def model_bytes(transaction: bytes) -> int:
    """The size of the model that a transaction hands on."""
    from tallystick.ledger import transactions as tx
    from tallystick.ledger.transactions import posts

    body = tx.decode_envelope(tx.decode_signed(transaction).envelope).body
    handed = isinstance(body, tx.Post) and isinstance(body.content, posts.Model)
    return body.content.payload.size if handed else 0


def as_fast_as_it_goes(view: Any, genesis: Any, keys: Any, folder: Path) -> tuple[float, bool]:
    """The same transactions into a fresh ledger: how many a second, and whether it ends in the same state."""
    from tallystick.engines.embedded.engine import EmbeddedEngine
    from tallystick.simulation.behaviours import VirtualClock

    clock, taken, spent = VirtualClock(genesis.time), 0, 0.0
    with EmbeddedEngine(folder, keys=keys, genesis=genesis, clock=clock) as engine:
        for height in range(1, view.status().height + 1):
            kept = view.block(height)
            clock.now, begun = kept.time, time.perf_counter()
            for ticket in [engine.submit(transaction) for transaction in kept.transactions]:
                engine.wait(ticket)
            engine.tick()
            spent += time.perf_counter() - begun
            taken += len(kept.transactions)
        return taken / spent, engine.status().app_hash == view.status().app_hash


@dataclass(frozen=True)
class Relay:
    """One relay on the ledger."""

    blocks: list[Block]
    rate: float  # transactions a second at the ledger's limit
    same: bool  # whether both ledgers ended in one state
    recorded_by_most: bool  # whether who contributed most put the record together


def relay(members: int) -> Relay:
    """Simulate, count, and take the same transactions again."""
    from tallystick.engines.embedded.reader import open_reader
    from tallystick.simulation.run import simulate
    from tallystick.simulation.setting import genesis_of, validator_of

    setting = setting_for(members)
    with tempfile.TemporaryDirectory() as folder:
        ended = simulate(setting, Path(folder) / "ledger")
        if ended.record is None:
            raise RuntimeError(f"the relay of {members} ended as {ended.progress.stage}, without a record")
        genesis = genesis_of(setting)
        with open_reader(Path(folder) / "ledger") as view:
            blocks = counted(view, genesis)
            rate, same = as_fast_as_it_goes(view, genesis, [validator_of(setting)], Path(folder) / "again")
    shares = dict(ended.record.contributions)
    return Relay(blocks, rate, same, shares[ended.record.recorder] == max(shares.values()))


def dealt(blocks: list[Block], members: int) -> dict[str, list[float]]:
    """kB in each of the paper's blocks: records read and written, transactions and models on the network.

    A moment's transactions fill as many blocks as they need. Every hop's model goes to the whole team, as
    judging needs it; a transaction goes to the ledger once.
    """
    places: dict[str, list[float]] = {"read": [], "written": [], "transactions": [], "models": []}
    for block in blocks:
        needed = -(-block.transactions // (RATE * EVERY))
        sent = (block.read, block.written, block.size, block.models * (members - 1))
        for name, size in zip(places, sent, strict=True):
            places[name] += [size / needed / 1000] * needed
    return places


SHOWN = {  # what is counted, with the figure that shows it
    "read": "fig. 10: records read",
    "written": "fig. 10: records written",
    "transactions": "fig. 11: transactions on the network",
    "models": "fig. 11: models handed to the team",
}


def reads_writes_network(smoke: bool, progress: Progress) -> Figure:
    """Figures 10 and 11."""
    from tallystick.report.plots import Curve, Panel

    rows, panels = [], []
    for members in (12,) if smoke else SIZES:
        kept = progress.once(f"{members} members", lambda: asdict(relay(members)))  # noqa: B023
        spent = msgspec.convert(kept, Relay)
        kilobytes = dealt(spent.blocks, members)
        rows += figures_of(spent, kilobytes, f"team of {members}")
        across = [float(EVERY * place) for place in range(len(kilobytes["read"]))]
        panels = [
            Panel("seconds", "kB in a block", {name: Curve(across, kilobytes[name]) for name in names})
            for names in (("read", "written"), ("transactions",), ("models",))
        ]
    return Figure(rows, panels)


def figures_of(relay: Relay, kilobytes: dict[str, list[float]], team: str) -> list[Measured]:
    """The rows of one team."""
    sent, seconds = sum(block.transactions for block in relay.blocks), EVERY * len(kilobytes["read"])
    taken = f"{team}: {sent:,} transactions at {RATE} a second, a block every {EVERY} s, in virtual time"
    wrong = {"another state of the second ledger": relay.same, "another recorder": relay.recorded_by_most}
    return [
        Measured(value=seconds, unit="s", what=taken),
        *(
            Measured(value=sum(kilobytes[name]) / seconds, unit="kB/s", what=f"{team}, {what}")
            for name, what in SHOWN.items()
        ),
        Measured(
            value=relay.rate,
            unit="tx/s",
            what=f"{team}: the same transactions at the ledger's limit",
            peer=Peer("the paper's setting", RATE),
        ),
        Measured(
            value=sum(not fine for fine in wrong.values()),
            unit="wrong",
            target=exactly(0),
            what=f"{team}: who contributed most records, and a second ledger ends in the same state",
        ),
    ]


CASES = (
    Case(
        "papers",
        "relay-figs10-11",
        "bp2p: what a relay asks of ledger and network",
        reads_writes_network,
        minutes=4,
    ),
)
