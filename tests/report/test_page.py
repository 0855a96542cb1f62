"""Pages hold all they show, and untrusted text is shown as text."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from tallystick.report import page, plots
from tallystick.report.tables import Bar, TextTable


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


def test_a_bar_is_a_bar_and_a_share_a_number():
    made = page.fragment([TextTable(("share", "how much"), (("12.5 %", Bar(1, 2)), ("2.0 %", "██")))])
    assert '<td class="number">12.5 %</td>' in made
    assert '<span class="bar" style="width:1.0rem"></span>' in made
    assert '<td class="word">██</td>' in made  # what somebody wrote is no bar


def test_facts_are_text():
    assert "&lt;b&gt;" in page.page("t", "l", [], [page.Fact("<b>", "1", "")])


def test_every_template_says_all_it_needs():
    with pytest.raises(UndefinedError):
        page._templates().get_template("page.html").render(title="t")
