"""Results as files and as tables."""

import pytest

from benchmarks.case import Measured, Peer, at_least, at_most
from benchmarks.figures import Shown
from benchmarks.results import (
    Result,
    all_met,
    figure,
    figures_table,
    is_old,
    load,
    load_all,
    overview,
    rewritten,
    save,
    table,
)


def result(case="speed", *measured, suite="bench"):
    rows = list(measured) or [Measured(value=12345, unit="tx/s", target=at_least(12000))]
    return Result(
        suite=suite,
        case=case,
        what="signed transfers",
        met=all_met(rows),
        measured=rows,
        command=f"make {suite} CASE={case}",
        cores=2,
        cpu="some processor",
        versions={"python": "3.11"},
        commit="1234567",
        rules=1,
        taken="2026-01-01",
    )


MISSED = Measured(
    value=0.25, unit="s", what="a | b", target=at_most(0.2), peer=Peer("theirs", 1.5), seeds=[1, 2]
)


def test_a_saved_result_is_read_back(tmp_path):
    saved = result("speed", MISSED, Measured(value=1, unit="s", spread=(0.5, 2), parts={"disk": 0.25}))

    assert save(saved, tmp_path) == tmp_path / "bench" / "speed.json"
    assert load_all(tmp_path) == [saved]


@pytest.mark.parametrize("text", ["", "[]", '{"suite": "bench"}', "not json"])
def test_a_broken_file_is_named(tmp_path, text):
    path = tmp_path / "speed.json"
    path.write_text(text)

    with pytest.raises(ValueError, match=r"speed\.json is not a result"):
        load(path)


def test_one_missed_target_is_a_missed_case():
    good = Measured(value=1, unit="s", target=at_most(2))
    free = Measured(value=1, unit="s")

    assert all_met([good, free]) is True
    assert all_met([good, MISSED]) is False
    assert all_met([free]) is None


@pytest.mark.parametrize(
    "value, shown",
    [(12345.0, "12,345"), (0, "0"), (1234.56, "1,235"), (0.012345, "0.01235"), (-3.5, "-3.5"), (2.0, "2")],
)
def test_figures_read_well(value, shown):
    assert figure(value) == shown


def test_a_table_keeps_what_was_missed():
    rows = table([result("speed", MISSED)]).splitlines()

    assert rows[2:] == [
        "| `bench/speed`: a \\| b | 0.25 s (2 seeds) | ≤ 0.2 | missed | theirs: 1.5 |  |",
    ]


def test_a_page_gets_its_tables():
    page = "before\n<!-- results:bench/speed -->\nold\n<!-- /results -->\nafter\n"
    other = result("other", suite="faults")

    once = rewritten(page, [result("speed", MISSED), other])

    assert "missed" in once
    assert "old" not in once
    assert "faults/other" not in once
    assert rewritten(once, [result("speed", MISSED), other]) == once
    assert rewritten(once, []) == page.replace("old", "Nothing is measured yet.")


def test_the_first_pages_figures_keep_what_was_missed():
    shown = [Shown("bench/speed", "a |", "how long it takes", unit="seconds"), Shown("bench/other", "", "x")]
    rows = figures_table([result("speed", MISSED), result("other")], shown).splitlines()

    assert rows[2:] == [
        "| how long it takes | 0.25 seconds | theirs: 1.5 | ≤ 0.2, missed |",
        "| x | 12,345 tx/s |  | ≥ 12,000, met |",
    ]


@pytest.mark.parametrize("begins", ["b", ""])
def test_a_figure_that_is_gone_or_not_alone_is_no_figure(begins):
    measured = [MISSED, Measured(value=1, unit="s", what="another")]
    with pytest.raises(ValueError, match="figures of bench/speed begin with"):
        figures_table([result("speed", *measured)], [Shown("bench/speed", begins, "x")])


def test_ten_figures_are_shown_without_the_names_of_cases():
    table = figures_table(load_all())
    assert len(table.splitlines()) == 2 + 10
    assert not any(result.case in table for result in load_all() if "-" in result.case)


def test_the_overview_begins_with_what_was_missed():
    lines = overview(
        [result("a"), result("b", MISSED), result("c", Measured(value=1, unit="s"))],
        {"bench/a": 1, "bench/b": 1, "bench/c": 2, "bench/d": 1},
    )

    assert [line.split()[:2] for line in lines] == [
        ["missed", "bench/b"],
        ["met", "bench/a"],
        ["-", "bench/c"],
        ["waits", "bench/d"],
    ]
    assert ["1234567" in line for line in lines] == [True, True, True, False]
    assert ["(old: " in line for line in lines] == [False, False, True, False]


def test_only_another_behaviour_makes_a_result_old():
    assert not is_old(result("a"), {"bench/a": 1})
    assert is_old(result("a"), {"bench/a": 2})
