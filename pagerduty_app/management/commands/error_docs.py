"""Prints docs/errors.md, made from the table of PagerDuty's errors."""

from typing import Any

from django.core.management.base import BaseCommand

from pagerduty_app import error_table
from pagerduty_app.error_table import Known
from workflows import catalog, hints

_HEAD = """# When PagerDuty says no

What an action call, a run and the API show when PagerDuty refuses or does not answer. *Tried again* says what happens
without anybody doing anything: **later** by itself, for up to six hours; **never**, because it would be refused again;
after **reconnecting** the connection, or after a **change** of what was asked.

This page is made by `manage.py error_docs > docs/errors.md` from `pagerduty_app/error_table.py`.
"""


class Command(BaseCommand):
    """Prints the page."""

    help = "Print docs/errors.md."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(page(), ending="")


def page() -> str:
    """The page as Markdown."""
    numbered = sorted(error_table.BY_NUMBER.items(), key=lambda row: row[0])
    by_status = [(str(status), known) for status, known in sorted(error_table.BY_STATUS.items())]
    by_status.insert(4, ("403 that names scopes", error_table.MISSING_SCOPE))
    rest = [("any other", error_table.ANY_OTHER), ("no answer", error_table.NO_ANSWER)]
    ours = [("–", known) for known in error_table.OURS.values()]
    parts = (
        ("PagerDuty’s error numbers", "Number", numbered),
        ("Answers without a number we know", "HTTP status", [*by_status, *rest]),
        ("Found here", "", ours),
    )
    return _HEAD + "".join(_table(*part) for part in parts)


def _table(title: str, first: str, rows: list[tuple[str, Known]]) -> str:
    head = f"| {first or '–'} | Code | What it means | Tried again | What to do |\n|---|---|---|---|---|\n"
    return f"\n## {title}\n\n{head}" + "".join(_row(key, known) for key, known in rows)


def _row(key: str, known: Known) -> str:
    hint = hints.for_code(known.name, catalog.integration("pagerduty")).words
    return f"| {key} | `{known.name}` | {known.meaning} | {known.retry} | {hint} |\n"
