"""The nouns of the command, in the order in which people meet them, each with its module."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click

# noun -> the module that is loaded when it is used, and what it is for
NOUNS = {
    "demo": ("run.demo", "Watch five clinics learn together, from request to settlement."),
    "doctor": ("doctor", "Say what is installed, what is missing, and what mends it."),
    "simulate": ("run.simulate", "Try a scheme on your own table, beside learning alone and pooled."),
    "new": ("run.new", "Make a project to edit: data, a task, a learner, a run."),
    "run": ("run.run", "List runs, show and compare them, go on with one that was cut off."),
    "audit": ("run.audit", "Attack a way to train; see what is found beside what is promised."),
    "presets": ("run.presets", "Say which schemes there are, and what each needs."),
    "data": ("run.data", "List, describe and fetch data sets."),
    "ledger": ("ledger.ledger", "Make a ledger, look into it, export, verify, prove."),
    "network": ("network.network", "Make and run a ledger that several organisations keep."),
    "validator": ("network.validator", "Run one organisation's part of a network."),
    "chain": ("ledger.chain", "Make sub-chains, list them, carry what chains have to say."),
    "key": ("key", "Make key files and show what others may know of them."),
    "member": ("ledger.member", "List members; change your keys and devices."),
    "propose": ("ledger.propose", "Put a change to the vote."),
    "vote": ("ledger.vote", "Vote on a proposal."),
    "send": ("ledger.send", "Send tokens to a member."),
    "unit": ("ledger.unit", "Register, list, hand over and withdraw data sets."),
    "grant": ("ledger.grant", "Ask for, give, decline and revoke the use of units."),
    "request": ("ledger.request", "List requests and follow one."),
}


def command_of(noun: str) -> "click.Command":
    """The commands of a noun, out of its module, which is loaded now."""
    found: click.Command = import_module(f"tallystick.cli.{NOUNS[noun][0]}").app
    return found
