"""The page: one HTML file that opens without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

MOST_COLUMNS = 40
"""In a notebook."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #667; --line: #d8dde3;
  --panel: #f6f8fa }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --faint: #9aa4b0;
  --line: #333a43; --panel: #1c2127 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.6rem; margin: 0 0 .2rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
p { margin: .4rem 0 } .faint { color: var(--faint) }
.scores { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0; list-style: none }
.scores li { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: .5rem .9rem } .scores b { display: block; font-size: 1.3rem }
.wide { overflow-x: auto } svg { max-width: 100%; height: auto }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top } th { color: var(--faint); font-weight: 500 }
.figures { display: flex; flex-wrap: wrap; gap: 1.2rem }
.figures figure { margin: 0; flex: 1 1 20rem; max-width: 100% } figcaption { color: var(--faint) }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere }
""".strip()


def page(title: str, parts: Iterable[str]) -> str:
    """A whole document."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, faint: bool = False) -> str:
    """A paragraph of plain text."""
    kind = ' class="faint"' if faint else ""
    return f"<p{kind}>{escape(text)}</p>"


def cards(entries: Iterable[tuple[str, str]]) -> str:
    """A few large numbers, each with its name."""
    items = "".join(f"<li>{escape(name)}<b>{escape(value)}</b></li>" for name, value in entries)
    return f'<ul class="scores">{items}</ul>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def figures(found: Iterable[tuple[str, str]]) -> str:
    """SVG elements side by side, each with what it shows; empty ones are left out."""
    shown = "".join(
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
        for svg, caption in found if svg
    )  # fmt: skip
    return f'<div class="figures">{shown}</div>'


def code(text: str) -> str:
    """Text to be copied."""
    return f"<pre>{escape(text)}</pre>"


def summary(model: Any) -> str:
    """A trained model in a notebook: its scores, and what the columns were taken for."""
    networks = len(model.members_)
    said = (
        f"{model.target_.task}, {model.target_.why}; {networks} network{'s' * (networks > 1)} "
        f"trained on {model.n_rows_:,} rows in {model.seconds_:.1f} s"
    )
    scores = ", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in model.scores_.items())
    held_out = [f"on rows held out: {scores}"] if scores else []
    rows = [(c.name, "left out" if c.kind == "drop" else c.kind, c.why)
            for c in model.columns_[:MOST_COLUMNS]]  # fmt: skip
    more = len(model.columns_) - len(rows)
    left = [paragraph(f"and {more:,} more columns")] if more else []
    top = f"<p><b>{escape(model.target_.name)}</b>: {escape(said)}</p>"
    return "".join([top, *map(paragraph, [*held_out, *model.notes_]),
                    table(("column", "taken for", "because"), rows), *left])  # fmt: skip
