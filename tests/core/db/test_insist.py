"""Insisting on a write: repeated while the database is away, within a bound, and never in another's transaction."""

from typing import Any

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, transaction

from core.db import insist as module
from core.db.insist import insist

pytestmark = pytest.mark.django_db(transaction=True)


class Write:
    """A write that fails with each of the errors in turn, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.left = list(errors)

    def __call__(self) -> str:
        if self.left:
            raise self.left.pop(0)
        return "stored"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)


def test_a_write_is_repeated_while_the_database_is_away() -> None:
    assert insist(Write(OperationalError("locked"), InterfaceError("closed")), 30.0) == "stored"


@pytest.mark.parametrize(
    ("error", "seconds"), [(OperationalError("locked"), 0.0), (IntegrityError("twice"), 30.0)]
)
def test_what_does_not_help_is_not_repeated(error: Exception, seconds: float) -> None:
    write = Write(error, error)

    with pytest.raises(type(error)):
        insist(write, seconds)

    assert write.left == [error]


def test_a_transaction_is_not_its_to_repeat() -> None:
    write: Any = Write(OperationalError("locked"))

    with pytest.raises(OperationalError), transaction.atomic():
        insist(write, 30.0)
