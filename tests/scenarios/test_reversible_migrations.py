"""Every migration can be taken back, and made again, with rows of every kind in the tables."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

pytestmark = [pytest.mark.flow, pytest.mark.timeout(600), pytest.mark.slow]
_FILLED = """
from tests.world import world
world()
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An empty database of the kind that the tests run on."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path}/back.sqlite3"
        return
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    name = f"back_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield f"{server}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_migrations_go_back_to_the_first_and_forth_again_with_rows(url: str) -> None:
    for command in (
        ("migrate",),
        ("shell", "--no-imports", "-c", _FILLED),
        ("migrate", "connections", "0001"),
        ("migrate", "workflows", "zero"),
        ("migrate", "connections", "zero"),
        ("migrate",),
    ):
        ran = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=settings.BASE_DIR,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, (command, ran.stderr[-2000:])
