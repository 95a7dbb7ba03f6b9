"""Machines that start together do not migrate at the same time."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from taskjuice.process import migration_lock
from tests.support import migrated


@pytest.mark.postgresql  # SQLite: with processes, below
@pytest.mark.django_db(transaction=True)
def test_a_second_machine_waits_for_the_first() -> None:
    order: list[str] = []
    waits = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    def second() -> None:
        with migration_lock.alone():
            order.append("second")
        connections.close_all()

    with migration_lock.alone():
        other = threading.Thread(target=second)
        other.start()
        with connection.cursor() as cursor:
            waiting = 0
            while not waiting:
                cursor.execute(waits)
                (waiting,) = cursor.fetchone()
                assert other.is_alive()
        order.append("first")
    other.join()

    assert order == ["first", "second"]


@pytest.mark.slow
def test_two_that_start_at_once_on_a_new_file_both_find_it_migrated(tmp_path: Path) -> None:
    program = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "from taskjuice.process import migration_lock\n"
        "with migration_lock.alone(): call_command('migrate', interactive=False, verbosity=0)"
    )
    env = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "taskjuice.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path}/new.sqlite3",
    }
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=settings.BASE_DIR, env=env, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=110)[1].decode()[-500:] for process in running]

    assert [process.returncode for process in running] == [0, 0, 0], said
    with closing(sqlite3.connect(tmp_path / "new.sqlite3")) as file:
        assert file.execute("SELECT COUNT(*) FROM connections_account").fetchone() == (0,)
        if connection.vendor == "sqlite":  # what all tests run on is what migrations make
            made = "SELECT type, name, tbl_name, sql FROM sqlite_master"
            with closing(sqlite3.connect(migrated.template())) as copied:
                assert set(file.execute(made)) == set(copied.execute(made))
