"""The page that shows the gallery's pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ui.gallery.states import State

STYLE = """
body { font: 14px system-ui, sans-serif; margin: 24px; background: #777; color: #fff; }
h2 { margin: 32px 0 8px; } figure { display: inline-block; margin: 0 12px 12px 0; }
img { max-height: 480px; display: block; } figcaption { font-size: 12px; }
nav a { color: #fff; margin-right: 12px; }
"""


def index_page(
    states: Sequence[State], sizes: Sequence[tuple[int, int]], palettes: Sequence[str]
) -> str:
    """Return a page with every state at every width, in every palette."""
    links = "".join(f'<a href="#{state.name}">{escape(state.title)}</a>' for state in states)
    parts = [_section(state, sizes, palettes) for state in states]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Panel</title>'
        f"<style>{STYLE}</style><h1>The panel</h1><nav>{links}</nav>{''.join(parts)}</html>\n"
    )


def _section(state: State, sizes: Sequence[tuple[int, int]], palettes: Sequence[str]) -> str:
    figures = "".join(
        f'<figure><a href="{name}"><img src="{name}" alt="{escape(state.title)}, {caption}"></a>'
        f"<figcaption>{caption}</figcaption></figure>"
        for palette in palettes
        for width, _ in sizes
        for name, caption in [(f"{state.name}.{width}.{palette}.png", f"{width} px, {palette}")]
    )
    return f'<h2 id="{state.name}">{escape(state.title)}</h2>{figures}'
