"""Nothing that was acknowledged is lost when the process is killed (a share of the case faults/kill)."""

from pathlib import Path

from tests.faults.apart import apart
from tests.faults.kill import Toll, die_at_points, hasty_load, kill_at_random
from tests.faults.subject import LEDGER, STANDIN


def killed_at_random(folder: Path) -> Toll:
    return kill_at_random(folder, LEDGER, 20, seed=1, each=10)


def killed_at_points(folder: Path) -> Toll:
    return die_at_points(folder, STANDIN, range(1, 4))


def killed_when_hasty(folder: Path) -> Toll:
    return kill_at_random(folder, STANDIN, 120, seed=2, load=hasty_load, each=10)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    toll = apart(killed_at_random, tmp_path)
    assert toll.lost == []
    assert toll.kills == 20
    assert toll.acknowledged > 20
    assert toll.repaired > 0


def test_killed_at_every_named_point(tmp_path: Path) -> None:
    toll = apart(killed_at_points, tmp_path)
    assert toll.lost == []
    assert toll.acknowledged > 20
    assert toll.repaired > 5


def test_an_engine_that_acknowledges_too_early_is_caught(tmp_path: Path) -> None:
    assert apart(killed_when_hasty, tmp_path).lost
