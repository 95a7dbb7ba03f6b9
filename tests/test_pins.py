"""What is installed: every file of it is known by its hash, and it is what requirements.txt asks for."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def locked_in(name: str) -> dict[str, str]:
    entries = re.split(r"^(?=[\w.-]+==)", (ROOT / f"{name}.lock").read_text(), flags=re.MULTILINE)[1:]
    locked = {}
    for entry in entries:
        package, version = re.match(r"([\w.-]+)==(\S+)", entry).groups()  # type: ignore[union-attr]
        assert "--hash=sha256:" in entry, package
        locked[package.lower()] = version
    return locked


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_a_lock_has_every_version_that_is_asked_for_and_hashes_of_all(name: str) -> None:
    asked = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)$", (ROOT / f"{name}.txt").read_text(), re.MULTILINE)
    locked = locked_in(name)

    assert len(asked) > 20
    missing = {package: version for package, version in asked if locked.get(package.lower()) != version}
    assert not missing, "run `make lock`"


def test_tests_run_with_what_is_deployed() -> None:
    deployed, tested = locked_in("requirements"), locked_in("requirements-dev")

    assert {package: tested.get(package) for package in deployed} == deployed
