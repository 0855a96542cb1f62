"""A page that holds everything it shows: no file, script or address beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .tables import Bar, TextTable, written

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Paragraph:
    """Words, shown as words."""

    text: str
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Lines:
    """Lines as they are."""

    text: str
    kind: ClassVar[str] = "lines"


@dataclass(frozen=True)
class Drawing:
    """An SVG picture that was made here, with its caption."""

    svg: str
    caption: str = ""
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Drawings:
    """Pictures side by side, where there is room."""

    pictures: tuple[Drawing, ...]
    kind: ClassVar[str] = "pictures"


Block: TypeAlias = Paragraph | Lines | Drawing | Drawings | TextTable


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Fact:
    """A figure that stands at the top: what it is, how much, and what must be known of it."""

    name: str
    value: str
    more: str = ""


def page(title: str, lead: str, sections: Sequence[Section], facts: Sequence[Fact] = ()) -> str:
    """The whole page."""
    template = _templates().get_template("page.html")
    return template.render(title=title, lead=lead, sections=sections, facts=facts) + "\n"


def fragment(blocks: Sequence[Block]) -> str:
    """The same without a page around it, for a notebook."""
    return _templates().get_template("fragment.html").render(blocks=blocks)


@cache
def _templates() -> Environment:
    """Every value is escaped; a picture alone, which was drawn here, is taken as it is."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["written"] = written
    environment.filters["drawn"] = Markup
    environment.tests["bar"] = lambda value: isinstance(value, Bar)
    return environment
