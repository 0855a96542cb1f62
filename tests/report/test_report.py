"""Tables fit a terminal, pages hold all they show, and untrusted text is shown as text."""

from xml.etree import ElementTree

from tallystick.report import page, plots
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


def test_untrusted_text_stays_text():
    evil = "<script>alert(1)</script>"
    table = TextTable((evil,), ((evil,),))
    drawing = page.Drawing("<svg></svg>", evil)
    blocks = (table, page.Paragraph(evil), page.Lines(evil), drawing, page.Drawings((drawing,)))
    made = page.page(evil, evil, [page.Section(evil, blocks)], [page.Fact(evil, evil, evil)])
    assert "<script>" not in made
    assert made.count("&lt;script&gt;") == 13
    assert made.count("<svg></svg>") == 2
    assert "<script>" not in page.fragment(blocks)


def test_page_needs_nothing_beside_it():
    picture = plots.lines({"a": [0.1, None, 0.3], "b": [0.2, 0.3, 0.4]}, "round", "accuracy")
    made = page.page("t", "l", [page.Section("s", (page.Drawing(picture, "c"),))])
    assert "http-equiv" in made and "src=" not in made.replace("default-src", "").replace("style-src", "")
    assert 'href="http' not in made


def test_a_large_grid_shows_colours_without_values():
    names = [f"m{number}" for number in range(20)]
    small = plots.grid(names[:3], names[:3], [[0.25] * 3] * 3, "scores")
    large = plots.grid(names, names, [[0.25] * 20] * 20, "scores")
    assert small.count(">0.25<") == 9
    assert large.count(">0.25<") == 0


def test_panels_of_the_same_curves_share_a_legend():
    def panel(*names):
        return plots.Panel(
            "round", "loss", {name: plots.Curve([1, 2], [3, 4], [2, 3], [4, 5]) for name in names}
        )

    assert plots.panels([panel("ours", "theirs"), panel("ours", "theirs")]).count(">theirs<") == 1
    assert plots.panels([panel("ours", "theirs"), panel("theirs", "others")]).count(">theirs<") == 2


def test_pictures_are_svg_and_repeat_to_the_byte():
    for draw in (
        lambda: plots.lines({"a": [1.0, 2.0]}, "x", "y"),
        lambda: plots.panels([plots.Panel("x", "y", {"a": plots.Curve([1, 2], [3, -4])}, bars=True)]),
        lambda: plots.bars({"a": 1.0, "b": -1.0}, "y"),
        lambda: plots.grid(["a"], ["b", "c"], [[0.5, None]], "scores"),
    ):
        one, two = draw(), draw()
        assert one == two
        assert ElementTree.fromstring(one).tag.endswith("svg")


def test_pictures_take_the_colour_of_the_page():
    for made in (
        plots.lines({"a": [1.0, 2.0], "b": [1.0, 1.0]}, "x", "y"),
        plots.bars({"a": 1.0}, "y"),
        plots.grid(["a"], ["b"], [[0.5]], "scores"),
    ):
        assert "currentColor" in made
        assert "#000000" not in made and "#010203" not in made


def test_a_bar_is_a_bar_and_a_share_a_number():
    made = page.fragment([TextTable(("share", "how much"), (("12.5 %", Bar(1, 2)), ("2.0 %", "██")))])
    assert '<td class="number">12.5 %</td>' in made
    assert '<span class="bar" style="width:1.0rem"></span>' in made
    assert '<td class="word">██</td>' in made  # what somebody wrote is no bar


def test_facts_are_text():
    assert "&lt;b&gt;" in page.page("t", "l", [], [page.Fact("<b>", "1", "")])


def test_a_bar_is_drawn_in_eighths_of_a_column():
    assert [str(Bar(share, 4)) for share in (1, 0.5, 0.53, 0, -1)] == ["████", "██", "██▏", "", ""]
    assert [str(bar) for bar in bars([0.0])] == [""]
