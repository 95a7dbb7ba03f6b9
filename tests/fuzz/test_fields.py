"""Fields of workflows: any text is rejected or done, at once, and never breaks."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ValidationError

from core.text.json_sanitize import is_storable
from tests.fuzz.amounts import amount, examples
from tests.fuzz.figures import Noted
from tests.fuzz.mutations import texts, values
from tests.support.processor_time import processor_seconds
from workflows import expressions
from workflows.conditions import evaluate
from workflows.conditions.fields import ConditionsField
from workflows.expressions.filters.table import FILTERS
from workflows.expressions.liquid import LONGEST_OUTPUT, parse

EXPRESSIONS, CONDITIONS = 20_000, 10_000
# Processor seconds, as in tests/workflows/expressions/test_hostile.py.
BOUND = 0.25
# Words of Python or of the library that no person should read.
PYTHON = re.compile(
    r"positional argument|NoneType|object (is|has) no|Traceback|out of range|<[a-z.]+ object|Token\("
)
FIELDS: dict[str, Any] = {
    "trigger": {
        "incident": {
            "title": "Payments are slow",
            "id": "PINC1",
            "long": "x " * 100_000,
            "list": ["a" * 500] * 200,
            "map": {str(number): "a" * 100 for number in range(500)},
            "objects": [{"id": number, "name": "a" * 50} for number in range(2000)],
            "prices": ["19.90", 0.1, 7],
            "empty": [],
            "none": None,
            "number": 7.5,
            "huge": 10**300,
            "digits": "9" * 4000,
            "created_at": "2026-11-02T09:29:58Z",
        }
    },
    "steps": {},
}
_NAMES = [*FIELDS["trigger"]["incident"], "missing", "first", "size", "__class__", "0"]

paths = st.one_of(
    st.sampled_from(_NAMES).map(lambda name: f"trigger.incident.{name}"),
    st.sampled_from(
        [
            "trigger",
            "steps",
            "steps.note.id",
            "now",
            "trigger['incident']['title']",
            "trigger.incident.list[0]",
        ]
    ),
    st.lists(st.sampled_from(_NAMES), min_size=1, max_size=30).map(
        lambda names: "[".join(names) + "]" * (len(names) - 1)
    ),
)
arguments = st.one_of(
    paths,
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    texts.map(lambda text: "'" + text.replace("'", "")[:300] + "'"),
    st.sampled_from(
        [
            "true",
            "nil",
            "empty",
            "blank",
            "(1..9)",
            "'%9999999d'",
            "''",
            "1e9",
            "'id'",
            "'{{'",
            "'Europe/Rome'",
            "0.1",
        ]
    ),
)
filters_used = st.builds(
    lambda name, given: f" | {name}" + (": " + ", ".join(given) if given else ""),
    st.one_of(st.sampled_from(sorted(FILTERS)), st.just("nope")),
    st.lists(arguments, max_size=3),
)
outputs = st.builds(
    lambda value, used, times: ("{{ " + value + "".join(used) + " }}") * times,
    arguments,
    st.lists(filters_used, max_size=6),
    st.sampled_from([1, 1, 1, 2, 20, 150]),
)
noise = st.text(alphabet="{}%|'\"[]().,:-_ \n0123456789abct", max_size=400)
repeated = st.builds(
    lambda part, times: part * times,
    st.text("{}[]()'|.: a1%-", min_size=1, max_size=6),
    st.sampled_from([1, 40, 3000]),
)
raw = st.builds(lambda inside: f"{{% raw %}}{inside}{{% endraw %}}", st.one_of(outputs, noise))
templates = st.lists(st.one_of(outputs, outputs, noise, repeated, texts, raw), min_size=1, max_size=5).map(
    "".join
)


def _rendered(template: str) -> None:
    try:
        result = expressions.render(template, FIELDS)
    except expressions.ExpressionError as error:
        said = str(error)
    else:
        said = "done"
    assert 0 < len(said) <= 600
    assert not PYTHON.search(said)
    if said != "done":
        return
    # A field alone keeps its type, and is no longer than the event.
    assert "{" not in template or not isinstance(result, str) or len(result) <= LONGEST_OUTPUT


def _seconds(act: Callable[[], object]) -> float:
    """Return the processor time of `act`; where it is near the bound, processor_seconds."""

    def from_the_start() -> None:
        parse.cache_clear()
        act()

    began = time.thread_time()
    from_the_start()
    seconds = time.thread_time() - began
    return seconds if seconds < BOUND / 2 else processor_seconds(from_the_start)


def test_any_expression_is_done_or_refused_at_once(noted: Noted) -> None:
    tried, slowest = 0, 0.0

    @given(templates)
    @examples(EXPRESSIONS)
    def render(template: str) -> None:
        nonlocal tried, slowest
        tried += 1
        seconds = _seconds(lambda: _rendered(template))
        slowest = max(slowest, seconds)
        assert seconds < BOUND

    with noted.at_least("expressions rendered or refused in words", amount(EXPRESSIONS), lambda: tried):
        render()
    noted.at_most("the slowest of them", BOUND, slowest, "s")


rows = st.one_of(
    values,
    st.tuples(
        st.one_of(paths, paths.map(lambda path: f"{path}.*"), texts),
        st.one_of(st.sampled_from(list(evaluate.OPERATORS)), texts),
        st.one_of(
            values, outputs, st.lists(st.one_of(texts, outputs), max_size=100), st.text("*?ab", max_size=200)
        ),
    ).map(list),
)


def test_any_conditions_are_judged_or_refused_at_once(noted: Noted) -> None:
    tried, slowest = 0, 0.0

    @given(st.sampled_from(["all", "any", "none", 7]), st.lists(rows, max_size=30))
    @examples(CONDITIONS)
    def judge(match: Any, wanted: Any) -> None:
        nonlocal tried, slowest
        tried += 1

        def once() -> None:
            try:
                checked = ConditionsField().run_validation({"match": match, "rows": wanted})
            except ValidationError:
                return
            assert is_storable(checked)
            judged = evaluate.judge(checked, FIELDS)
            all_or_any = any if checked["match"] == "any" and judged else all
            assert evaluate.hold(checked, FIELDS) is all_or_any(row.held for row in judged)
            assert all(len(row.actual) <= 200 and len(row.compared_with) <= 200 for row in judged)
            json.dumps(checked, allow_nan=False)

        seconds = _seconds(once)
        slowest = max(slowest, seconds)
        assert seconds < BOUND

    with noted.at_least("conditions judged or refused in words", amount(CONDITIONS), lambda: tried):
        judge()
    noted.at_most("the slowest conditions", BOUND, slowest, "s")
