"""Check the prose of the repository: banned words everywhere, line and paragraph lengths in Markdown.

Run it from the root of the repository: `python -m tools.prose_check`. It prints each violation; one is a failure.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BANNED = re.compile(r"\b(?:[Ww]hoever|[Ss]omebody|[Nn]obody|[Ww]hatever|Answers|[Tt]old of)\b")
HINT = (
    "name the subject (a member, another process, the sender); docstrings begin with Return, Raise or a noun"
)

# Where the words may stay: path and text of the line, and why.
ALLOWED = {
    ("bench/chaos/servers.py", 'if "postgres" in known'): "a user of Unix",
    ("connections/models/budgets.py", "help_text="): "a help text is part of the migrations' state",
    ("connections/models/connection.py", "help_text="): "a help text is part of the migrations' state",
    ("pagerduty_app/payloads/on_call_events.py", "+ more if names else"): "pages show the text",
    ("pagerduty_app/payloads/on_call_events.py", 'user.get("id") or'): "pages show the text",
    ("tools/prose_check.py", "BANNED ="): "the words themselves",
    ("workflows/models/hooks.py", "help_text="): "a help text is part of the migrations' state",
    ("workflows/outgoing/retention.py", "= Q(hook__status="): "the name of a variable",
    ("workflows/outgoing/retention.py", 'status="waiting")'): "the name of a variable",
}

# Folders that are not rewritten yet. The longest prefix decides, so a rewritten folder inside one is in CLEAN.
# Only remove lines from EXEMPT; CLEAN may be emptied with it.
EXEMPT = (
    "docs/errors.md",
    "tests",
    "workflows",
)
CLEAN: tuple[str, ...] = (
    "workflows/admin",
    "workflows/api",
    "workflows/authoring",
    "workflows/calls",
    "workflows/catalog",
    "workflows/conditions",
    "workflows/engine",
    "workflows/expressions",
    "workflows/formatting",
    "workflows/forms",
    "workflows/health",
    "workflows/inbox",
    "workflows/models",
    "workflows/notifications",
    "workflows/outgoing",
    "workflows/pages",
    "workflows/presenters",
    "workflows/queue",
    "workflows/representations",
    "workflows/retention",
    "workflows/runs",
    "workflows/subscriptions",
    "workflows/templatetags",
    "workflows/triggers",
    "workflows/worker",
)

LINE = 120
PARAGRAPH = 5
# Lines that cannot be broken: a picture, an address or the name of a test alone.
UNBREAKABLE = re.compile(r"^\s*(?:- `tests/[^ ]+`$|!\[|<https?:|\[[^]]+\]:)")


def main() -> int:
    """Print all violations; return the exit status."""
    found = [violation for path in tracked() for violation in violations(path)]
    sys.stdout.writelines(f"{violation}\n" for violation in found)
    if found:
        sys.stdout.write(f"{len(found)} to rewrite. Words: {HINT}.\n")
    return 1 if found else 0


def tracked() -> list[str]:
    """Return the tracked Python, template and Markdown files that are held to the rules."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "*.py", "templates", "*.md"],
        capture_output=True,
        check=True,
        text=True,
    )
    return [path for path in listed.stdout.split("\0") if path and not exempt(path) and Path(path).exists()]


def exempt(path: str) -> bool:
    """Return whether the longest matching prefix is one of EXEMPT, or the file is a migration, which stays as it is."""
    if "/migrations/" in path:
        return True
    matching = [prefix for prefix in (*EXEMPT, *CLEAN) if path == prefix or path.startswith(f"{prefix}/")]
    return bool(matching) and max(matching, key=len) in EXEMPT


def violations(path: str) -> Iterator[str]:
    """Yield one line of text for each violation in a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        for word in BANNED.findall(line):
            if not any(path == where and part in line for where, part in ALLOWED):
                yield f"{path}:{number}: banned word: {word}"
    if path.endswith(".md"):
        yield from lengths(path, lines)


def lengths(path: str, lines: list[str]) -> Iterator[str]:
    """Yield what is too long in a Markdown file, code fences left out."""
    fenced, paragraph = False, 0
    for number, line in enumerate([*lines, ""], 1):
        if line.lstrip().startswith("```"):
            fenced, paragraph = not fenced, 0
            continue
        begins = re.match(r"\s*(?:[-*] |\d+\. |#|\||!\[)", line)
        paragraph = 0 if fenced or not line.strip() else 1 if begins else paragraph + 1
        if paragraph == PARAGRAPH + 1:
            yield f"{path}:{number}: paragraph of more than {PARAGRAPH} lines"
        if len(line) > LINE and not fenced and not UNBREAKABLE.match(line):
            yield f"{path}:{number}: {len(line)} characters"


if __name__ == "__main__":
    sys.exit(main())
