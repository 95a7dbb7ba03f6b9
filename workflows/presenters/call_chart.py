"""The chart of calls a day: where each bar of the SVG stands."""

from dataclasses import dataclass
from datetime import date

from workflows.presenters.call_history import Day

WIDTH, HEIGHT = 400, 120
_TOP, _BOTTOM, _LEFT = 14, 20, 34
_GAP = 0.3
# The smallest bar that is still seen, in units of the drawing.
_SEEN = 2.0


@dataclass(frozen=True)
class Bar:
    """A rectangle; kind: good, bad or other (classes of the style sheet)."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """Bars stacked by day, and the same as numbers in `days`."""

    days: list[Day]
    bars: list[Bar]
    most: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    top: int = _TOP
    base: int = HEIGHT - _BOTTOM

    @property
    def completed(self) -> int:
        return sum(day.completed for day in self.days)

    @property
    def failed(self) -> int:
        return sum(day.failed for day in self.days)

    @property
    def other(self) -> int:
        return sum(day.other for day in self.days)

    @property
    def total(self) -> int:
        return self.completed + self.failed + self.other

    @property
    def first(self) -> date:
        return self.days[0].day

    @property
    def newest_first(self) -> list[Day]:
        return self.days[::-1]


def of_days(days: list[Day]) -> Chart:
    most = max((day.total for day in days), default=0)
    step = (WIDTH - _LEFT) / max(len(days), 1)
    bars = [bar for number, day in enumerate(days) for bar in _stack(day, _LEFT + number * step, step, most)]
    return Chart(days=days, bars=bars, most=most)


def _stack(day: Day, left: float, step: float, most: int) -> list[Bar]:
    """Failures stand at the bottom, where they are compared best."""
    kinds = {"bad": day.failed, "good": day.completed, "other": day.other}
    unit = (HEIGHT - _TOP - _BOTTOM) / max(most, 1)
    heights = {kind: max(_SEEN, unit * calls) for kind, calls in kinds.items() if calls}
    if heights:  # the tallest gives up what the others got in order to be seen
        tallest = max(heights, key=lambda kind: heights[kind])
        heights[tallest] = max(_SEEN, heights[tallest] - sum(heights.values()) + unit * day.total)
    x, width, y = left + step * _GAP / 2, step * (1 - _GAP), float(HEIGHT - _BOTTOM)
    bars = []
    for kind, height in heights.items():
        y -= height
        bars.append(Bar(kind, round(x, 1), round(y, 1), round(width, 1), round(height, 1)))
    return bars
