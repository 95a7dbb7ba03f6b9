"""What is installed: every file of it is known by its hash, and it is what requirements.txt asks for."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_lock_has_every_version_that_is_asked_for_and_hashes_of_all() -> None:
    asked = re.findall(
        r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )
    entries = re.split(r"^(?=[\w.-]+==)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1:]
    locked = {}
    for entry in entries:
        name, version = re.match(r"([\w.-]+)==(\S+)", entry).groups()  # type: ignore[union-attr]
        assert "--hash=sha256:" in entry, name
        locked[name.lower()] = version

    assert len(asked) > 20
    missing = {name: version for name, version in asked if locked.get(name.lower()) != version}
    assert not missing, "run `make lock`"
