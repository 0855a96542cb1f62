"""`tally member`: who is there, and one's own keys, devices and software."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, argument, command, digest_of, moment, noun
from ..context import Context, password_of, stop
from ..key import read_papers

if TYPE_CHECKING:
    from ...client import Client
    from ...ledger.views.members import MemberView

app = noun("member")


@command("tally member list --ledger trial", into=app, reads=True, name="list")
def list_(at: Context) -> None:
    """List the members with their roles, tokens and credit."""
    from ...ledger.views.members import members

    with at.reader() as client:
        listed = members(client.view, client.now())
    rows = [
        (view.member, output.amount(view.balance), output.amount(view.credit), _standing(view), _roles(view))
        for view in listed
    ]
    at.show(listed, output.table(("member", "tokens", "credit", "is", "roles"), rows, "no members"))


@command("tally member show ada --ledger trial", into=app, reads=True)
@argument("member", "Its name.", metavar="NAME")
def show(at: Context, member: str) -> None:
    """Show one member: keys, roles, devices, tokens."""
    with at.reader() as client:
        show_member(at, client, member)


def show_member(at: Context, client: "Client", name: str) -> None:
    from ...ledger.views.members import member
    from ...ledger.views.requests import turns

    shown = member(client.view, name, client.now())
    if shown is None:
        stop(f"there is no member {name!r} on chain {client.view.status().chain!r}")
    waiting = turns(client.view, name, client.now())
    waits = [
        ("waits for it", f"{turn.do} {turn.of} until {output.moment(turn.deadline)}") for turn in waiting
    ]
    devices = [
        (f"device {place}", f"{device.key.hex()} until {output.moment(device.until)}")
        for place, device in enumerate(shown.devices, 1)
    ]
    lines = output.pairs(
        [
            ("member", shown.member),
            ("is", _standing(shown)),
            ("roles", _roles(shown)),
            ("tokens", output.amount(shown.balance)),
            ("credit", output.amount(shown.credit)),
            ("key", shown.key.hex()),
            ("encryption key", shown.encryption_key.hex()),
            *devices,
            ("software", shown.software.hex()),
            ("last heard of", output.moment(shown.seen)),
            ("next number", shown.next_number),
            *waits,
        ]
    )
    at.show({"member": shown, "turns": waiting}, lines)


@command("tally member rotate-key --new ada-2.key --key ada.key", into=app, signs=True)
@click.option("--new", required=True, type=FILE, metavar="FILE", help="The new key's file.")
def rotate_key(at: Context, new: Path) -> None:
    """Replace your key by a new one; you keep your name, tokens and devices.

    The new file's password is asked for, or taken from TALLY_NEW_PASSWORD.
    """
    from ...client import open_key, papers
    from ...ledger.transactions import RotateKey

    fresh = open_key(new, lambda path: password_of(path, variable="TALLY_NEW_PASSWORD"))
    with at.writer() as client:
        made = papers(fresh, client.view.status().chain, client.member)
        answer = client.submit(RotateKey(made.key, made.possession, made.encryption_key))
        says = (
            f"{client.member} signs with {new} from now on; keep the old file until your requests have ended"
        )
        at.sent(answer, says, key=made.key)


@command("tally member add-device gate.json --until 2028-01-01 --key ada.key", into=app, signs=True)
@argument("proof", "What `tally key prove` wrote for the device's key.", type=FILE, metavar="FILE")
@click.option("--until", required=True, type=moment, metavar="TIME", help="When the device's key ends.")
def add_device(at: Context, proof: Path, until: int) -> None:
    """Let a device's key post and report in your name, and nothing else."""
    from ...ledger.transactions import AddDevice

    shown = read_papers(proof)
    with at.writer() as client:
        answer = client.submit(AddDevice(shown.key, shown.possession, until))
        says = f"device {shown.key.hex()} may post for {client.member} until {output.moment(until)}"
        at.sent(answer, says, key=shown.key)


@command("tally member remove-device 5f0c91aa --key ada.key", into=app, signs=True)
@argument("device", "The device's public key, or its beginning.", metavar="KEY")
def remove_device(at: Context, device: str) -> None:
    """Take a device's key back at once."""
    from ...ledger.state import MEMBERS
    from ...ledger.transactions import RemoveDevice

    with at.writer() as client:
        own = [entry.key for entry in client.get(MEMBERS, client.member).devices]
        meant = [key for key in own if key.hex().startswith(device.lower())]
        if len(meant) != 1:
            stop(f"{len(meant)} of the {len(own)} devices of {client.member} have a key beginning {device!r}")
        answer = client.submit(RemoveDevice(meant[0]))
        at.sent(answer, f"device {meant[0].hex()} may no longer post for {client.member}", key=meant[0])


@command("tally member report --file tallystick.whl --key ada.key", into=app, signs=True)
@click.option("--software", type=digest_of, metavar="DIGEST", help="The SHA-256 of what you run.")
@click.option("--file", type=FILE, metavar="FILE", help="Or the file itself, to be hashed here.")
def report(at: Context, software: bytes | None, file: Path | None) -> None:
    """Say on the ledger which software you run."""
    from ...ledger.transactions import Report

    if (software is None) == (file is None):
        stop("say what you run by --software DIGEST or by --file FILE")
    digest = software or _hashed(file)
    with at.writer() as client:
        answer = client.submit(Report(digest))
        at.sent(answer, f"{client.member} runs {digest.hex()}", software=digest)


def _hashed(file: Path | None) -> bytes:
    if file is None:
        return b""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").digest()


def _standing(member: "MemberView") -> str:
    return "suspended" if not member.active else "dormant" if member.dormant else "active"


def _roles(member: "MemberView") -> str:
    from ...base.ids import ROLES

    return "all" if len(member.roles) == len(ROLES) else " ".join(member.roles) or "none"
