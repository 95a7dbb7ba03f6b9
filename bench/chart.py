"""`python -m bench.chart`: draw the receiver's figures of the last `make bench` into docs/receiver.svg."""

import json
from xml.sax.saxutils import escape

from bench.figures import Row
from bench.stack import ROOT

_UNIT = "of the floor"
_WIDTH, _LABEL, _LINE, _BAR = 760, 330, 34, 18
_FULL = 2.0  # the ratio at the right edge


def draw(rows: list[Row]) -> str:
    """Draw a bar for each ratio to a floor, with a mark at its minimum."""
    shown = [row for row in rows if row["unit"] == _UNIT]
    height = 44 + _LINE * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        "<title>Deliveries a second of the receiver, as a part of what bare floors take</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="12" y="22" font-weight="600">Deliveries a second beside bare floors'
        " (1.0: as many; the line: what is wanted)</text>",
    ]
    for number, row in enumerate(shown):
        parts += _bar(row, 38 + _LINE * number)
    return "\n".join([*parts, "</svg>", ""])


def _bar(row: Row, top: int) -> list[str]:
    kind, _, what = row["name"].partition(": ")
    label = f"{kind}: floor {what.partition('floor ')[2]}"
    wanted, middle = _LABEL + _across(row["wanted"]), top + _BAR - 5
    colour = "#2f7d5b" if row["ok"] else "#b4552d"
    return [
        f'<text x="12" y="{middle}" font-size="11">{escape(label)}</text>',
        f'<rect x="{_LABEL}" y="{top}" width="{_across(row["got"]):.0f}" height="{_BAR}" fill="{colour}"/>',
        f'<line x1="{wanted:.0f}" x2="{wanted:.0f}" y1="{top - 4}" y2="{top + _BAR + 4}" stroke="#222"'
        ' stroke-width="2"/>',
        f'<text x="{_LABEL + _across(row["got"]) + 8:.0f}" y="{middle}">{row["got"]:.2f}</text>',
    ]


def _across(ratio: float) -> float:
    return min(ratio, _FULL) / _FULL * (_WIDTH - _LABEL - 60)


if __name__ == "__main__":
    file = ROOT / "docs" / "receiver.svg"
    file.write_text(draw(json.loads((ROOT / "var" / "bench.json").read_text())))
    print(file)
