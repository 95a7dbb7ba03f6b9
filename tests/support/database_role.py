"""The role that the tests assume on PostgreSQL: no superuser, so row-level security holds for it."""

from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors, sql

ROLE = "taskjuice_tests"


def assume_restricted_role(database: dict[str, Any]) -> None:
    """Let Django's `database` (its settings) assume ROLE, which is made first where a superuser can make it.

    A test database that an earlier run left behind is given to ROLE, or it could not remove it.
    """
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
        connect_timeout=5,
    ) as server:
        [superuser] = server.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone() or [0]
        if not superuser:
            return
        # Several processes begin at the same time, and the server makes a role once.
        with suppress(errors.DuplicateObject, errors.UniqueViolation):
            server.execute(f"CREATE ROLE {ROLE} NOSUPERUSER NOBYPASSRLS CREATEDB")
        name = database["TEST"].get("NAME") or f"test_{database['NAME']}"
        left = "SELECT 1 FROM pg_database WHERE datname = %s AND datdba <> %s::regrole"
        if server.execute(left, (name, ROLE)).fetchone():
            server.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), sql.Identifier(ROLE))
            )
    database.setdefault("OPTIONS", {})["assume_role"] = ROLE
