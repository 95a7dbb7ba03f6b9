"""Print docs/errors.md, made from the table of PagerDuty's errors."""

import textwrap
from typing import Any

from django.core.management.base import BaseCommand

from pagerduty_app.errors import table
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

This page is made by `manage.py error_docs > docs/errors.md` from `pagerduty_app/errors/table.py`.
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
    rest = [("any other", table.ANY_OTHER), ("no answer", table.NO_ANSWER)]
    ours = [("–", known) for known in table.OURS.values()]
    parts = (
        ("PagerDuty’s error numbers", "Number", numbered),
        ("Responses without a known number", "HTTP status", [*by_status, *rest]),
        ("Found by TaskJuice", "", ours),
    )
    shown = [known for _, _, rows in parts for _, known in rows]
    return _HEAD + "".join(_table(*part) for part in parts) + _hints(shown)


def _table(title: str, first: str, rows: list[tuple[str, Known]]) -> str:
    head = f"| {first or '–'} | Code | Meaning | Retried |\n|---|---|---|---|\n"
    return f"\n## {title}\n\n{head}" + "".join(
        f"| {key} | `{known.name}` | {known.meaning} | {known.retry} |\n" for key, known in rows
    )


def _hints(shown: list[Known]) -> str:
    integration = catalog.integration("pagerduty")
    names = dict.fromkeys(known.name for known in shown)
    lines = (f"- `{name}`: {error_hints.for_code(name, integration).words}" for name in names)
    return "\n## What to do\n\n" + "".join(
        textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False) + "\n" for line in lines
    )
