"""A page that holds everything it shows: no file, script or address beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fbfaf7;
max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ddd}
p.lead{color:#555}table{border-collapse:collapse;margin:.6rem 0;font-size:.92rem}
th,td{padding:.25rem .8rem;border-bottom:1px solid #e4e0d6;text-align:left}td.number{text-align:right;
font-variant-numeric:tabular-nums}figure{margin:.6rem 0}figure svg{max-width:100%;height:auto}
figcaption{color:#666;font-size:.88rem}pre{background:#f1eee6;padding:.7rem;overflow-x:auto;font-size:.85rem}
""".replace("\n", "")


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, in HTML that was made here."""

    heading: str
    body: str


def paragraph(text: str) -> str:
    """Words, shown as words."""
    return f"<p>{escape(text)}</p>"


def picture(svg: str, caption: str) -> str:
    """An SVG picture with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def code(text: str) -> str:
    """Lines as they are."""
    return f"<pre>{escape(text)}</pre>"


def page(title: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole page."""
    body = "".join(f"<section><h2>{escape(one.heading)}</h2>{one.body}</section>" for one in sections)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{body}</body></html>\n'
    )
