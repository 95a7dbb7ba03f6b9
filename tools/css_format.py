"""Put stylesheets into their one format: one declaration a line, two spaces, as cssbeautifier writes them.

Run it from the root of the repository: `python -m tools.css_format`, or with `--check` to change nothing.
"""

import subprocess
import sys
from pathlib import Path

import cssbeautifier


def main(arguments: list[str]) -> int:
    """Format each tracked stylesheet; with `--check`, name those that differ and return 1."""
    differing = []
    for path in tracked():
        before = path.read_text(encoding="utf-8")
        after = formatted(before)
        if before != after:
            differing.append(path)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    verb = "to format with `make format`" if "--check" in arguments else "formatted"
    sys.stdout.writelines(f"{path}: {verb}\n" for path in differing)
    return 1 if differing and "--check" in arguments else 0


def tracked() -> list[Path]:
    """Return the tracked stylesheets."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "*.css"], capture_output=True, check=True, text=True
    )
    return [Path(path) for path in listed.stdout.split("\0") if path and Path(path).exists()]


def formatted(css: str) -> str:
    """Return the stylesheet in its one format."""
    options = cssbeautifier.default_options()
    options.indent_size = 2
    options.end_with_newline = True
    options.preserve_newlines = True
    options.max_preserve_newlines = 2
    options.space_around_combinator = True
    return str(cssbeautifier.beautify(css, options))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
