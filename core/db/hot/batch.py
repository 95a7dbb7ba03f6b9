"""Batches: what is written at one moment goes to PostgreSQL as one statement, to SQLite as one transaction.

    with Batch() as batch:
        batch.hold(run, {"lease_holder": holder}, LeaseLost(run))
        batch.insert(step)

The batch is passed to the functions that each write a part of the moment. Nothing runs before the `with` block ends;
if the block raises, nothing runs at all.
"""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model

from core.db.hot import prepared, row_sql
from core.db.hot.rows import stored


class _Part(NamedTuple):
    """A statement. lost: raised if it matches no row. then: called with its first answer, if it has one."""

    sql: str
    parameters: Sequence[Any]
    lost: Exception | None
    then: Callable[[Any], None]

    def conclude(self, answer: Any) -> None:
        if answer is not None:
            self.then(answer)
        elif self.lost is not None:
            raise self.lost


class Batch:
    """Statements that are run together when the `with` block ends, in the order in which they were added.

    All parts share one snapshot on PostgreSQL, so write each row at most once. If a part with `lost` matches nothing,
    later parts are skipped and `lost` is raised, but PostgreSQL keeps earlier parts; put the guard first, by `hold` or
    by the one change that depends on no other. Statements of Django's ORM are not part of the batch. A database error,
    such as IntegrityError, undoes every part.
    """

    def __init__(self) -> None:
        self._parts: list[_Part] = []

    def __enter__(self) -> "Batch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            _run(self._parts)

    def update(
        self, row: Model, where: Mapping[str, Any], values: Mapping[str, Any], lost: Exception | None
    ) -> None:
        """Set `values` on the row if it matches `where`, and on the object once they are written.

        lost: raised if the row does not match; None if that does not matter.
        """
        model, where = type(row), {"pk": row.pk, **where}
        sql = row_sql.update(model, tuple(where), tuple(values), prepared.vendor())
        self.add(sql, [*stored(model, values), *stored(model, where)], lost, lambda _: _set(row, values))

    def hold(self, row: Model, where: Mapping[str, Any], lost: Exception) -> None:
        """Lock the row if it matches `where`, until the batch is written; else raise `lost`."""
        model, where = type(row), {"pk": row.pk, **where}
        self.add(row_sql.hold(model, tuple(where), prepared.vendor()), stored(model, where), lost)

    def insert(
        self,
        row: Model,
        values: Mapping[str, Any] | None = None,
        *,
        same: tuple[str, ...] = (),
        renewed: tuple[str, ...] = (),
    ) -> None:
        """Insert a new row; `values` override the object's, and are set on it once they are written.

        A primary key that the database chooses is not read back. same: the columns of a unique constraint; a row that
        is there already gets only `renewed` written.
        """
        model, values = type(row), values or {}
        columns = {
            field.name: values[field.name] if field.name in values else field.pre_save(row, True)
            for field in model._meta.concrete_fields
        }
        # What is left out is null, and a primary key the database's choice.
        columns = {name: value for name, value in columns.items() if value is not None}
        sql = row_sql.insert(model, tuple(columns), same, renewed)
        self.add(sql, stored(model, columns), then=lambda _: _set(row, values))

    def add(
        self,
        sql: str,
        parameters: Sequence[Any],
        lost: Exception | None = None,
        then: Callable[[Any], None] = lambda answer: None,
    ) -> None:
        """Add a statement with {so_far} in its condition that returns a column `answer` for each row it writes.

        sql: see `prepared.run`. lost: raised if it writes no row. then: called with the first answer, if there is one.
        """
        self._parts.append(_Part(sql, parameters, lost, then))


def _run(parts: Sequence[_Part]) -> None:
    if len(parts) == 1:
        _run_alone(parts[0])
    elif parts and prepared.vendor() == "postgresql":
        _run_as_one(parts)
    elif parts:
        with transaction.atomic():
            for part in parts:
                _run_alone(part)


def _run_alone(part: _Part) -> None:
    with prepared.run(row_sql.alone(part.sql), part.parameters) as cursor:
        rows = cursor.fetchall()
    part.conclude(rows[0][0] if rows else None)


def _run_as_one(parts: Sequence[_Part]) -> None:
    sql = row_sql.as_one(tuple((part.sql, part.lost is not None) for part in parts))
    with prepared.run(sql, [value for part in parts for value in part.parameters]) as cursor:
        answers = cursor.fetchone()
    for part, answer in zip(parts, answers, strict=True):
        part.conclude(answer)


def _set(row: Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
