"""Units and grants as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.desk import ROOTS, Desk

DESCRIPTION = f"""
name = "pumps"
address = "https://bob.example/pumps"
training_root = "{ROOTS["training-root"]}"
judging_root = "{ROOTS["judging-root"]}"

[profile]
category = "vibration"
kind = "table"
count = 12000
schema = "{ROOTS["schema"]}"
latitude = 51.5
longitude = -0.12

[terms]
price = 5
purpose = ["maintenance"]

[budget]
epsilon = 10.5
delta = 1e-6
protects = "subject"
"""


def described(desk: Desk, text: str = DESCRIPTION, *more: str) -> str:
    Path("pumps.toml").write_text(text)
    return str(desk.finds(f"unit register --from pumps.toml {desk.key('bob')}", *more)["unit"])


def test_a_unit_from_a_description(trial: Desk) -> None:
    unit = described(trial)
    found = trial.finds("unit show bob/pumps")
    assert found["unit"] == unit
    assert found["profile"]["latitude_e6"] == 51_500_000
    assert found["profile"]["longitude_e6"] == -120_000
    assert (found["budget"]["epsilon_nano"], found["budget"]["delta_e12"]) == (10_500_000_000, 1_000_000)
    assert found["budget"]["protects"] == "subject"
    assert found["terms"]["purposes"] == ["maintenance"]
    shown = trial.does("unit show bob/pumps")
    assert "ε 10.5 at δ 1e-6, per subject" in shown
    assert "12,000 rows" in shown
    assert trial.does(f"ledger show unit {unit[:13]}") == shown
    assert found["budget"]["lineage"] in shown
    assert "ε 10.5" in trial.does(f"ledger show lineage {found['budget']['lineage'][:16]}")


def test_a_description_in_json_and_options_before_it(trial: Desk) -> None:
    profile = {"category": "vibration", "kind": "table", "count": 10, "schema": ROOTS["schema"]}
    text = {
        "name": "pumps",
        "training_root": ROOTS["training-root"],
        "judging_root": ROOTS["judging-root"],
        "profile": profile,
        "budget": {"epsilon": 1.5, "delta": 0.001, "protects": "record"},
    }
    Path("pumps.json").write_text(json.dumps(text))
    trial.does(f"unit register --from pumps.json --name valves --price 7 {trial.key('bob')}")
    found = trial.finds("unit show bob/valves")
    assert (found["terms"]["price"], found["budget"]["epsilon_nano"]) == (7, 1_500_000_000)


def test_units_are_listed_by_their_shortest_ids(trial: Desk) -> None:
    unit = described(trial)
    shown = trial.does("unit list")
    assert unit[:13] in shown and unit not in shown
    assert "10.5 of 10.5" in shown
    assert trial.finds("unit list --owner cleo") == []
    assert "no unit is on offer" in trial.does("unit list --category none")


def test_the_next_version_keeps_its_budget(trial: Desk) -> None:
    described(trial)
    Path("roots.toml").write_text(
        DESCRIPTION.partition("[budget]")[0].replace(ROOTS["training-root"], "44" * 32)
    )
    line = f"unit register --from roots.toml --version-of bob/pumps {trial.key('bob')}"
    assert trial.finds(line)["lineage"] == trial.finds("unit show bob/pumps")["budget"]["lineage"]
    assert trial.finds("unit show bob/pumps")["version"] == 2


def test_withdrawing_and_handing_over(trial: Desk) -> None:
    described(trial)
    assert "cleo" in trial.does(f"unit transfer bob/pumps cleo {trial.key('bob')}")
    assert "NotYours" in trial.fails(f"unit withdraw cleo/pumps {trial.key('bob')}")
    trial.does(f"unit withdraw cleo/pumps {trial.key('cleo')}")
    assert trial.finds("unit list") == []
    assert "withdrawn" in trial.does("unit list --all")


def test_roots_are_computed_from_rows(trial: Desk) -> None:
    Path("rows.csv").write_text("wear,site\n" + "".join(f"{n / 7:.4f},s{n % 3}\n" for n in range(50)))
    line = f"unit register --from pumps.toml --rows rows.csv --judging 0.2 --seed 3 {trial.key('bob')}"
    Path("pumps.toml").write_text(
        'name = "pumps"\n[profile]\ncategory = "wear"\nkind = "table"\n'
        '[budget]\nepsilon = 10\ndelta = 1e-6\nprotects = "record"\n'
    )
    trial.does(line)
    found = trial.finds("unit show bob/pumps")
    assert found["profile"]["rows"] == 50
    assert found["training_root"] != found["judging_root"]
    again = trial.fails(line.replace("bob.key", "cleo.key"))
    assert found["training_root"] in again or "root" in again


UNITS = {
    "unit register": "whose key?",
    "unit register --key trial/keys/bob.key": "category, kind, count, schema",
    "unit register --from none.toml --key trial/keys/bob.key": "none.toml",
    "unit register --from garbage.toml --key trial/keys/bob.key": "neither TOML nor JSON",
    "unit register --from bytes.toml --key trial/keys/bob.key": "neither TOML nor JSON",
    "unit register --from list.json --key trial/keys/bob.key": "no table of names",
    "unit register --from strange.toml --key trial/keys/bob.key": "does not know colour",
    "unit register --from depth.toml --key trial/keys/bob.key": "[profile] does not know colour",
    "unit register --from digest.toml --key trial/keys/bob.key": "training_root: 'zz' is no digest",
    "unit register --from count.toml --key trial/keys/bob.key": "count: 'many' is not a whole number",
    "unit register --from pumps.toml --rows none*.csv --key trial/keys/bob.key": "none*.csv",
    "unit register --from pumps.toml --rows garbage.toml --key trial/keys/bob.key": "garbage.toml",
    "unit register --from pumps.toml --epsilon much --key trial/keys/bob.key": "'much' is not a number",
    "unit register --from pumps.toml --epsilon 0.0000000001 --key trial/keys/bob.key": "9 places",
    "unit register --from pumps.toml --name Pumps --key trial/keys/bob.key": "name 'Pumps' will not do",
    "unit register --from pumps.toml --protects nobody --key trial/keys/bob.key": "'nobody'",
    "unit register --from pumps.toml --version-of bob/none --key trial/keys/bob.key": "no unit 'none'",
    "unit register --from half.toml --key trial/keys/bob.key": "delta, protects are missing",
    "unit withdraw bob/none --key trial/keys/bob.key": "no unit 'none'",
    "unit transfer bob/pumps nobody --key trial/keys/bob.key": "nobody",
    "unit transfer bob/pumps cleo --key trial/keys/cleo.key": "NotYours",
    "unit show what": "looks like unit-3fa94c12",
}


@pytest.fixture
def offered(trial: Desk) -> Desk:
    """A trial with a unit of bob's, and files that describe none."""
    described(trial)
    Path("garbage.toml").write_text("][")
    Path("bytes.toml").write_bytes(b"\xff\xfe\xfd")
    Path("list.json").write_text("[1]")
    Path("strange.toml").write_text('colour = "red"')
    Path("depth.toml").write_text('[profile]\ncolour = "red"')
    Path("digest.toml").write_text('training_root = "zz"')
    Path("count.toml").write_text('[profile]\ncount = "many"')
    half = DESCRIPTION.replace('protects = "subject"\n', "").replace("delta = 1e-6\n", "")
    Path("half.toml").write_text(half)
    return trial


@pytest.mark.parametrize("line", UNITS)
def test_mistakes_are_said_in_one_line(offered: Desk, line: str) -> None:
    assert UNITS[line] in offered.fails(line)
