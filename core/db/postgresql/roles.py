"""Detect a database role that row-level security does not hold for."""

from django.db.backends.base.base import BaseDatabaseWrapper

ADVICE = (
    "The database role is a superuser or has BYPASSRLS: row-level security, the wall between agencies, does not hold. "
    "Connect as a role without both (docs/operations.md, “The database role”)."
)
_ASK = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


def passes_through(connection: BaseDatabaseWrapper) -> bool:
    """Return whether row-level security does not hold for the role; always False on SQLite."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(_ASK)
        return bool(cursor.fetchone()[0])
