"""A migrated database that is made once for each state of the migrations, and copied by every test process after that.

Applying all migrations costs seven seconds of processor time; a copy costs milliseconds and is the same database,
triggers and policies included. tests/taskjuice/process/test_migration_lock.py compares a copy with a database that is
migrated anew.
"""

import ast
import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

ROOT = Path(settings.BASE_DIR)
FOLDER = ROOT / "var"


def fingerprint() -> str:
    """A digest of everything that migrations make a database of."""
    ours = sorted(
        {app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()}
    )
    migrations = {path for app in ours for path in (ROOT / app).rglob("migrations/*.py")}
    used = {module for path in migrations for module in _imported(path)}
    digest = hashlib.sha256(connection.vendor.encode())
    for path in sorted(migrations | used | {Path(__file__), ROOT / "requirements.lock"}):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    digest.update(" ".join(settings.INSTALLED_APPS).encode())
    return digest.hexdigest()[:16]


def _imported(path: Path) -> Iterator[Path]:
    """The project's modules that a migration names."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            module = ROOT.joinpath(*name.split("."))
            yield from (file for file in (module.with_suffix(".py"), module / "__init__.py") if file.exists())


def template() -> str:
    """Its path (SQLite) or its name (PostgreSQL). Other processes wait while the first one makes it."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _on_sqlite() if connection.vendor == "sqlite" else _on_postgresql()


def _on_sqlite() -> str:
    path = FOLDER / f"migrated-{fingerprint()}.sqlite3"
    if not path.exists():
        for old in FOLDER.glob("migrated-*.sqlite3*"):
            old.unlink()
        unfinished = path.with_name(f"{path.name}-unfinished")
        _migrate(str(unfinished))
        unfinished.rename(path)
    return str(path)


def _on_postgresql() -> str:
    """One for each checkout, with its fingerprint as a comment: the server outlives many checkouts' migrations."""
    name = f"migrated_{hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]}"
    wanted = fingerprint()
    with _server() as server:
        made = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        if server.execute(made, [name]).fetchone() != (wanted,):
            _migrate(name)
            comment = sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(name), sql.Literal(wanted)
            )
            server.execute(comment)
    return name


def _server() -> psycopg.Connection[Any]:
    given = settings.DATABASES["default"]
    server = psycopg.connect(
        host=given["HOST"], port=given["PORT"] or None, user=given["USER"], password=given["PASSWORD"] or None,
        dbname="postgres", autocommit=True, connect_timeout=5,
    )  # fmt: skip
    if role := given.get("OPTIONS", {}).get("assume_role"):
        server.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    return server


def _migrate(name: str) -> None:
    """Let Django make that database anew as it makes test databases, and let go of it."""
    with _told({"NAME": name, "MIGRATE": True}):
        before = connection.settings_dict["NAME"]
        try:
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        finally:
            connection.close()
            settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = before


@contextmanager
def _told(changes: dict[str, Any]) -> Iterator[None]:
    """Django's settings of the test database, changed."""
    test = settings.DATABASES["default"]["TEST"]
    before = dict(test)
    test.update(changes)
    try:
        yield
    finally:
        test.clear()
        test.update(before)


def copy_for_tests(path: Path) -> None:
    """Let Django's test database begin as a copy of the template. path: where SQLite's is to be."""
    test = settings.DATABASES["default"]["TEST"]
    test["MIGRATE"] = False
    if connection.vendor == "sqlite":
        shutil.copyfile(template(), path)
        test["NAME"] = str(path)
    else:
        test["TEMPLATE"] = template()
