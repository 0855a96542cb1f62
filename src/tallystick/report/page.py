"""A page that holds everything it shows: no file, script or address beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """
:root{color-scheme:light dark;--ink:#22231f;--soft:#63645c;--paper:#fbfaf7;--card:#fff;--line:#dedacf;
--mark:#1b7a66}
@media(prefers-color-scheme:dark){:root{--ink:#e9e7df;--soft:#a5a498;--paper:#191a17;--card:#22231f;--line:#3c3d36;
--mark:#3fae94}}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:var(--paper);
max-width:58rem;margin:0 auto;padding:2.2rem 1.2rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}
h2{font-size:1.2rem;margin:2.6rem 0 .6rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
p{margin:.4rem 0;max-width:46rem}p.lead{color:var(--soft);margin-bottom:1.2rem}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.7rem;margin:1rem 0}
dl div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}
dt{color:var(--soft);font-size:.82rem}dd{margin:0;font-size:1.35rem;font-variant-numeric:tabular-nums}
dd small{display:block;font-size:.78rem;line-height:1.35;color:var(--soft)}
div.wide{overflow-x:auto}
table{border-collapse:collapse;margin:.6rem 0;font-size:.93rem}
th,td{padding:.28rem .9rem .28rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:middle}
th{color:var(--soft);font-weight:600}
th.number,td.number{text-align:right;font-variant-numeric:tabular-nums}
span.bar{display:block;height:.75rem;border-radius:.15rem;background:var(--mark)}
figure{margin:.8rem 0}figure svg{display:block;width:100%;height:auto}
div.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:.4rem 1.6rem}
figcaption{color:var(--soft);font-size:.86rem}
pre{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.8rem;overflow-x:auto;
font-size:.84rem;line-height:1.45}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#bbb;
--mark:#1b7a66}
body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}figure,table,dl,pre{break-inside:avoid}
pre{white-space:pre-wrap}span.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
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


def pictures(some: Sequence[str]) -> str:
    """Pictures side by side, where there is room."""
    return f'<div class="pictures">{"".join(some)}</div>'


@dataclass(frozen=True)
class Fact:
    """A figure that stands at the top: what it is, how much, and what one must know of it."""

    name: str
    value: str
    more: str = ""


def facts(some: Sequence[Fact]) -> str:
    """The figures that matter, side by side."""
    cells = "".join(
        f"<div><dt>{escape(one.name)}</dt><dd>{escape(one.value)}<small>{escape(one.more)}</small></dd></div>"
        for one in some
    )
    return f"<dl>{cells}</dl>"


def code(text: str) -> str:
    """Lines as they are."""
    return f"<pre>{escape(text)}</pre>"


def page(title: str, lead: str, sections: Sequence[Section], top: Sequence[Fact] = ()) -> str:
    """The whole page."""
    first = facts(top) if top else ""
    body = "".join(f"<section><h2>{escape(one.heading)}</h2>{one.body}</section>" for one in sections)
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>{first}{body}</body></html>\n'
    )
