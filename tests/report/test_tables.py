"""Tables fit a terminal, and values are written for people."""

from __future__ import annotations

from tallystick.report.tables import Bar, TextTable, bars, written


def test_table_fits_the_terminal_and_keeps_its_numbers():
    table = TextTable(("member", "what it did", "tokens"), (("ada", "word " * 40, 1234567), ("bob", "", -5)))
    lines = table.text(80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "1,234,567" in lines[2]
    assert lines[3].endswith("-5")


def test_values_are_written_for_people():
    assert [written(value) for value in (None, True, 12345, 0.12345, "x")] == [
        "–",
        "yes",
        "12,345",
        "0.123",
        "x",
    ]


def test_bars_are_shares_of_the_largest():
    assert [len(str(bar)) for bar in bars([1.0, 0.5, 0.0], width=10)] == [10, 5, 0]


def test_a_bar_is_drawn_in_eighths_of_a_column():
    assert [str(Bar(share, 4)) for share in (1, 0.5, 0.53, 0, -1)] == ["████", "██", "██▏", "", ""]
    assert [str(bar) for bar in bars([0.0])] == [""]


def test_what_does_not_fit_is_cut_or_goes_on_below():
    table = TextTable(("name", "text"), (("ada", "word " * 20),))
    cut, wrapped = table.text(40), table.text(40, wrapped=True)
    assert len(cut.splitlines()) == 3 and "…" in cut
    assert wrapped.count("word") == 20 and "…" not in wrapped
    assert all(len(line) <= 40 for line in (*cut.splitlines(), *wrapped.splitlines()))
    assert "─" not in table.text(40, ruled=False) and "─" in cut


def test_columns_that_say_nothing_are_left_out_unless_they_are_to_stay():
    table = TextTable(("a", "b", "c", "d"), ((1, None, "", Bar(0, 4)), (2, None, "", Bar(0.5, 4))))
    assert table.without_empty().headings == ("a", "d")
    assert table.without_empty(kept=("c",)).headings == ("a", "c", "d")


def test_numbers_stand_to_the_right_also_where_they_were_written_already():
    table = TextTable(("a", "b", "c"), (("1,000", "12.5 %", "2 of 3"), ("–", "", "x")))
    assert [table.align(place) for place in range(3)] == ["number", "number", "word"]
    assert TextTable(("a",), ()).align(0) == "word"
