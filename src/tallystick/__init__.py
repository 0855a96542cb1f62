"""Tallystick: learning together without handing over data, on a ledger that all members keep.

The public names live in a table and are imported when first used, so that the ledger and the command line
start without loading anything that learns.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# public name -> the module that defines it, or "module:name" where it is called otherwise there
PUBLIC: dict[str, str] = {
    # a ledger: look at it, offer data by a node, ask for a model
    "connect": "tallystick.client.opening",
    "join": "tallystick.client.nodes",
    "open": "tallystick.client.ledger:open_ledger",
    "verify": "tallystick.client.receipts",
    "Budget": "tallystick.node.fitting",
    "Plan": "tallystick.protocols.plans",
    "Refunded": "tallystick.client.request",
    "Settled": "tallystick.client.request",
    # simulation: compare schemes on one's own data
    "Task": "tallystick.simulation.study:task",
    "attacks": "tallystick.simulation.study",
    "cnn": "tallystick.simulation.study",
    "dp_sgd": "tallystick.simulation.study",
    "faults": "tallystick.simulation.study",
    "learner_from": "tallystick.adapters.files",
    "linear": "tallystick.simulation.study",
    "members_of": "tallystick.simulation.study",
    "mlp": "tallystick.simulation.study",
    "noised_update": "tallystick.simulation.study",
    "per_hop": "tallystick.simulation.study",
    "presets": "tallystick.simulation.study",
    "read": "tallystick.simulation.study",
    "simulate": "tallystick.simulation.study",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in PUBLIC:
        raise AttributeError(f"tallystick has no public name {name!r}; dir(tallystick) lists them all")
    module, _, inner = PUBLIC[name].partition(":")
    value = getattr(import_module(module), inner or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*PUBLIC, "__version__"])
