"""The backend; `ENGINE` names its folder, and Django looks for this module there."""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Self, cast

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper
from psycopg import ClientCursor, Cursor
from psycopg.pq import TransactionStatus

from core.db import clock, tenant_scope
from core.db.postgresql import patience

_SET_SCOPE = """SELECT set_config('taskjuice.wall', %s, false), set_config('taskjuice.accounts', %s, false),
set_config('taskjuice.workspace', %s, false)"""


class _Prepared(Cursor[Any]):
    """Has its statements parsed and planned once for a connection, which takes longer than running a small one."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        # Only meanwhile: else psycopg remembers the texts of Django's own statements, values and all, to count them.
        self.connection.prepare_threshold = 0
        try:
            return super().execute(query, params, **options)
        finally:
            self.connection.prepare_threshold = None


class DatabaseWrapper(base.DatabaseWrapper):
    """Set the session's tenant scope before a statement, when it differs from the one that the session has.

    So it does not matter how long a connection lives, who used it before, or how their request ended.
    """

    Database: Any = SimpleNamespace(**vars(psycopg) | {"connect": patience.PatientConnection.connect})
    _session_scope: tenant_scope.Scope | None = None
    _set_in_transaction = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._with_scope)

    def init_connection_state(self) -> None:
        self._session_scope = None
        super().init_connection_state()
        clock.ask(self._time)
        if not self.get_autocommit():
            self.connection.commit()

    def _time(self) -> datetime:
        [(at,)] = ClientCursor(self.connection).execute("SELECT clock_timestamp()")
        return cast(datetime, at)

    def prepared_cursor(self) -> CursorWrapper:
        """A cursor for statements that are always the same: each is prepared on the server.

        A pooler between may not keep what was prepared; who has one says so by DISABLE_SERVER_SIDE_CURSORS.
        """
        if self.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            return self.cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        cursor: CursorWrapper = self._prepare_cursor(_Prepared(self.connection))  # type: ignore[attr-defined]
        return cursor

    def _with_scope(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        wanted = tenant_scope.current()
        if self._session_scope != wanted:
            self._set_session_scope(wanted)
        return execute(sql, params, many, context)

    def _set_session_scope(self, wanted: tenant_scope.Scope) -> None:
        """Set it, except in a failed transaction: there PostgreSQL accepts only its end."""
        session = self.connection
        if session.info.transaction_status == TransactionStatus.INERROR:
            return
        self._session_scope = None
        with self.wrap_database_errors:
            ClientCursor(session).execute(_SET_SCOPE, wanted.settings())
        self._session_scope, self._set_in_transaction = wanted, not self.get_autocommit()

    def _forget(self) -> None:
        """Forget a scope set inside a transaction: its end may have undone the setting, also a commit that fails."""
        if self._set_in_transaction:
            self._session_scope = None

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        finally:
            self._forget()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._forget()

    def _savepoint_rollback(self, sid: str) -> None:
        try:
            super()._savepoint_rollback(sid)  # type: ignore[misc]
        finally:
            self._forget()
