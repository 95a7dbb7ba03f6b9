"""Print docs/errors.md, made from the table of PagerDuty's errors."""

import textwrap
from typing import Any

from django.core.management.base import BaseCommand

from pagerduty_app.errors import table
from pagerduty_app.errors.look_ups import LOOK_UPS
from pagerduty_app.errors.table import Known
from workflows import catalog
from workflows.formatting import error_hints

_WIDTH = 120
_HEAD = """# PagerDuty’s errors

What a request, a run and the API show when PagerDuty refuses or does not respond.

| Retried | Meaning |
|---|---|
| later | automatically, for up to six hours |
| never | PagerDuty would refuse it again |
| after reconnecting | reconnect the connection |
| after a change | change the input |

This page is made by `manage.py error_docs > docs/errors.md` from `pagerduty_app/errors/table.py` and
`pagerduty_app/errors/look_ups.py`.
"""
_LOST = """
## Lost responses

A write whose response is lost, or is a 5xx, may have taken effect. Before it is repeated, PagerDuty is asked. Entries
count from two minutes before the first attempt on, because clocks differ. Escalations, assignments, snoozes and
maintenance windows that were there before the first attempt never count; otherwise what the same user does to the same
incident in that time, in the same way, can be taken for it. If the log, or the list of windows, cannot be read to its
end, nothing is sent again.

"""


class Command(BaseCommand):
    """Print the page."""

    help = "Print docs/errors.md."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(page(), ending="")


def page() -> str:
    """Return the page as Markdown."""
    numbered = sorted(table.BY_NUMBER.items(), key=lambda row: row[0])
    by_status = [(str(status), known) for status, known in sorted(table.BY_STATUS.items())]
    by_status.insert(4, ("403 with scopes", table.MISSING_SCOPE))
    by_status.insert(3, ("402, responders", table.NO_RESPONDERS))
    rest = [("any other", table.ANY_OTHER), ("no answer", table.NO_ANSWER)]
    ours = [("–", known) for known in table.OURS.values()]
    parts = (
        ("PagerDuty’s error numbers", "Number", numbered),
        ("Responses without a known number", "HTTP status", [*by_status, *rest]),
        ("Found by TaskJuice", "", ours),
    )
    shown = [known for _, _, rows in parts for _, known in rows]
    return _HEAD + "".join(_table(*part) for part in parts) + _hints(shown) + _lost()


def _lost() -> str:
    lines = (f"- `{key.partition('/')[2]}`: {how}" for key, how in LOOK_UPS.items())
    return _LOST + "".join(_wrapped(line) for line in lines)


def _wrapped(line: str) -> str:
    return textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False) + "\n"


def _table(title: str, first: str, rows: list[tuple[str, Known]]) -> str:
    head = f"| {first or '–'} | Code | Meaning | Retried |\n|---|---|---|---|\n"
    return f"\n## {title}\n\n{head}" + "".join(
        f"| {key} | `{known.name}` | {known.meaning} | {known.retry} |\n" for key, known in rows
    )


def _hints(shown: list[Known]) -> str:
    integration = catalog.integration("pagerduty")
    names = dict.fromkeys(known.name for known in shown)
    lines = (f"- `{name}`: {error_hints.for_code(name, integration).words}" for name in names)
    return "\n## What to do\n\n" + "".join(_wrapped(line) for line in lines)
