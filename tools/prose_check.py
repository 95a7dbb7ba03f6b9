"""Check the prose of the repository: banned words, openings of docstrings, lengths of lines and paragraphs in Markdown.

Run it from the root of the repository: `python -m tools.prose_check`. It prints each violation; one is a failure.
"""

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

BANNED = re.compile(r"\b(?:[Ww]hoever|[Ss]omebody|[Nn]obody|[Ww]hatever|Answers|[Tt]old of)\b")
HINT = (
    "name the subject (a member, another process, the sender); docstrings begin with Return, Raise or a noun"
)

# Where the words may stay: path and text of the line, and why.
ALLOWED = {
    ("bench/chaos/servers.py", 'if "postgres" in known'): "a user of Unix",
    ("tools/prose_check.py", "BANNED ="): "the words themselves",
}

# Here only docstrings and comments are held to the rules: the code quotes what people and providers send.
QUOTING = "tests/"

# A docstring begins with an imperative ("Return …") or a noun phrase ("The …"): not with a question or a pronoun,
# which leave the subject to the signature.
OPENINGS = re.compile(
    r"\W*(Whether|What|How|Who|Whom|Whose|Which|Where|When|Why|If|Of|It|They|Those|There|Their|Its|Made)\b"
)
# Folders whose docstrings are not held to that yet. Only remove lines.
OPENINGS_EXEMPT = ("tests",)

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
    """Return the tracked Python, template and Markdown files; migrations stay as they are."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "*.py", "templates", "*.md"],
        capture_output=True,
        check=True,
        text=True,
    )
    paths = listed.stdout.split("\0")
    return [path for path in paths if path and "/migrations/" not in path and Path(path).exists()]


def violations(path: str) -> Iterator[str]:
    """Yield one line of text for each violation in a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    held = comments_and_docstrings(path) if path.startswith(QUOTING) else enumerate(lines, 1)
    for number, line in held:
        for word in BANNED.findall(line):
            if not any(path == where and part in line for where, part in ALLOWED):
                yield f"{path}:{number}: banned word: {word}"
    if path.endswith(".md"):
        yield from lengths(path, lines)
    if path.endswith(".py") and not path.startswith(OPENINGS_EXEMPT):
        yield from openings(path)


def comments_and_docstrings(path: str) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each comment and docstring of a Python file; of another file nothing."""
    if not path.endswith(".py"):
        return
    with Path(path).open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    for node in documented(path):
        yield getattr(node, "lineno", 1), ast.get_docstring(node) or ""


def documented(path: str) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the parts of a Python file that can have a docstring."""
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def openings(path: str) -> Iterator[str]:
    """Yield the docstrings of a Python file that begin with one of OPENINGS."""
    for node in documented(path):
        if first := OPENINGS.match(ast.get_docstring(node) or ""):
            yield f"{path}:{getattr(node, 'lineno', 1)}: docstring begins with {first[1]}"


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
