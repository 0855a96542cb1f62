"""The demo's story: told in 80 columns; one is caught, one leaves, the model works on new people."""

import pytest

from tallystick.simulation import demo


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    lines = []
    run = demo.demo(tmp_path_factory.mktemp("demo") / "run", lines.append)
    return run, lines


def test_it_is_told_in_80_columns(told):
    _, lines = told
    assert max(map(len, lines)) <= 80
    assert len(lines) < 100


def test_the_malicious_one_is_expelled_and_the_leaver_is_fined(told):
    run, _ = told
    by_name = {one.member: one for one in run.pay}
    assert by_name[demo.MALICIOUS].why == "was expelled"
    assert by_name[demo.MALICIOUS].net < 0
    assert by_name[demo.LEAVER].fined > 0
    assert [one.member for one in run.pay if one.why] == sorted([demo.MALICIOUS, demo.LEAVER])
    assert by_name[demo.MALICIOUS].net < min(
        one.net for one in run.pay if one.member not in (demo.MALICIOUS, demo.LEAVER)
    )


def test_sharing_helps_on_people_nobody_has_seen(told):
    run, lines = told
    alone = run.compared.alone
    assert run.score > sum(alone.values()) / len(alone)
    told_as_one = " ".join(" ".join(lines).split())
    assert f"{demo.MALICIOUS}: was expelled (in the middle they gave it" in told_as_one
    assert f"on {len(run.setting.test.y):,} rows of the requester's own" in told_as_one
    assert "all true" in told_as_one
