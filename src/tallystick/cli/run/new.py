"""`tally new`: a project to edit, which runs as it is: example data, a task, a learner, a run."""

import random
from collections.abc import Iterator
from pathlib import Path

import click

from .. import output
from ..command import FILE, argument, command
from ..context import Context, stop

SITES = {
    "north": (0.0, 58.0),
    "south": (0.3, 61.0),
    "east": (-0.2, 64.0),
    "west": (0.1, 60.0),
    "dock": (0.2, 57.0),
}
ROWS = 240  # of each site
ASIDE = "mill"  # a site that nobody trains on: the requester's own

TASK = """# What is to be learnt from what.
columns = ["vibration", "temperature", "flow", "hours"]
target = "fault"
labels = ["0", "1"]
measure = "accuracy"          # or macro_f1; for a number, without labels: mae, rmse
"""
LEARNER = '''"""Your own way to learn. `run.toml` names this file and the function in it."""

import tallystick as ts


def build():
    """Two hidden layers; rate and optimiser are yours to change (sgd, momentum, adam, …)."""
    return ts.mlp(32, 16, rate=0.05, optimiser="momentum")
'''
RUN = """# One run: `tally simulate run.toml`. Every name is also an option, such as --rounds 20.
data = "data.csv"             # your table: CSV, Parquet or NPZ
by = "site"                   # each value of this column is a member with its own rows
task = "task.toml"            # what is learnt from what
test = "test.csv"             # rows that only the requester has; without it, members' judging rows

preset = "mutual"             # `tally presets` lists the others
learner = "learner.py:build"  # or softmax, or mlp:64
rounds = 8
epochs = 2                    # in a round
batch = 16                    # rows in a step
judging = 0.2                 # the share of its rows that a member keeps to judge others by
seed = 7

malicious = ["west:sign-flip"]  # who attacks and how; [] for nobody
leave = ["dock:5"]              # who leaves in which round

# epsilon = 8.0               # DP-SGD on the training rows; with subject = "pump" it protects whole pumps
# delta = 1e-5
"""


@command("tally new mine")
@argument("folder", "A new folder.", type=FILE)
@click.option("--seed", type=int, default=7, show_default=True, metavar="N", help="Of the example data.")
def new(at: Context, folder: Path, seed: int) -> None:
    """Make a project that runs as it is, and that you change file by file into your own.

    The example is generated: pumps at five sites, and whether one fails. Put your own table in its place.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        stop(f"{folder} exists already and is not empty; choose a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "data.csv": "\n".join(rows(seed, SITES)) + "\n",
        "test.csv": "\n".join(rows(seed + 1, {ASIDE: (0.05, 60.0)})) + "\n",
        "task.toml": TASK,
        "learner.py": LEARNER,
        "run.toml": RUN,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    about = {
        "data.csv": f"{len(SITES) * ROWS:,} generated rows of {len(SITES)} sites: put your own here",
        "test.csv": f"{ROWS} rows of a site that nobody trains on: the requester's own",
        "task.toml": "what is to be learnt from what",
        "learner.py": "how: yours to change",
        "run.toml": "one run, every setting explained",
    }
    lines = [f"{folder} is ready to run:", "", *output.pairs(about.items()), ""]
    at.show(
        {"folder": str(folder), "files": list(files)}, [*lines, f"  cd {folder}", "  tally simulate run.toml"]
    )


def rows(seed: int, sites: dict[str, tuple[float, float]]) -> Iterator[str]:
    """Pumps that shake and run hot fail more often; sites differ in both."""
    chance = random.Random(seed)
    yield "site,pump,vibration,temperature,flow,hours,fault"
    for site, (shake, heat) in sites.items():
        for number in range(ROWS):
            vibration, temperature = chance.gauss(shake, 1), chance.gauss(heat, 9)
            flow, hours = chance.gauss(40, 6), chance.randrange(0, 9000)
            wear = vibration + (temperature - 60) / 9 - (flow - 40) / 12 + (hours - 4500) / 9000
            fault = int(wear + chance.gauss(0, 0.5) > 0.4)
            pump = f"{site}-{number // 20 + 1}"
            yield f"{site},{pump},{vibration:.3f},{temperature:.2f},{flow:.2f},{hours},{fault}"


app = new
