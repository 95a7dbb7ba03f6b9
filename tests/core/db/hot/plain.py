"""The public functions of core.db.hot by Django's ORM: what they have to leave, one statement after the other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import Model, QuerySet, prefetch_related_objects


class Batch:
    """As core.db.hot.batch.Batch: nothing is written before the block ends, and then all of it."""

    def __init__(self) -> None:
        self._writes: list[Callable[[], None]] = []

    def __enter__(self) -> "Batch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            with transaction.atomic():
                for write in self._writes:
                    write()

    def update(
        self, row: Model, where: Mapping[str, Any], values: Mapping[str, Any], lost: Exception | None
    ) -> None:
        def write() -> None:
            if _matching(row, where).update(**values):
                _set(row, values)
            elif lost is not None:
                raise lost

        self._writes.append(write)

    def hold(self, row: Model, where: Mapping[str, Any], lost: Exception) -> None:
        def write() -> None:
            if not _matching(row, where).select_for_update(no_key=True).exists():
                raise lost

        self._writes.append(write)

    def insert(
        self,
        row: Model,
        values: Mapping[str, Any] | None = None,
        *,
        same: tuple[str, ...] = (),
        renewed: tuple[str, ...] = (),
    ) -> None:
        def write() -> None:
            _set(row, values or {})
            options: dict[str, Any] = {
                "update_conflicts": True,
                "unique_fields": same,
                "update_fields": renewed,
            }
            type(row)._default_manager.bulk_create([row], **options if same else {})

        self._writes.append(write)

    def add(
        self,
        sql: str,
        parameters: Sequence[Any],
        lost: Exception | None = None,
        then: Callable[[Any], None] = lambda answer: None,
    ) -> None:
        def write() -> None:
            with run(sql.format(so_far="TRUE"), parameters) as cursor:
                answers = cursor.fetchall()
            if answers:
                then(answers[0][0])
            elif lost is not None:
                raise lost

        self._writes.append(write)


def update(row: Model, where: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    return bool(_matching(row, where).update(**values))


claim = update


def read_with(
    model: type[Model], where: Mapping[str, Any], other: type[Model], reference: str
) -> tuple[Model, Model | None]:
    row = model._default_manager.get(**where)
    return row, other._default_manager.filter(**{reference: row}).first()


def of_keys(model: type[Model], keys: Iterable[Any]) -> dict[Any, Model]:
    return model._default_manager.in_bulk(list(keys))


def fetch_related(rows: Iterable[Model], name: str) -> list[Model]:
    rows = list(rows)
    prefetch_related_objects(rows, name)
    return list({one.pk: one for row in rows if (one := getattr(row, name)) is not None}.values())


def run(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> CursorWrapper:
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor


def _matching(row: Model, where: Mapping[str, Any]) -> QuerySet[Any]:
    matching = {
        f"{name}__isnull" if value is None else name: True if value is None else value
        for name, value in where.items()
    }
    return type(row)._default_manager.filter(pk=row.pk, **matching)


def _set(row: Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
