"""Patience with PostgreSQL: a process that stops in a transaction keeps its locks for a while only."""

import threading
from contextvars import copy_context

import pytest
from django.db import DatabaseError, connections, transaction

from connections.models import Account
from core.db.postgresql import patience

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
]


def test_a_process_that_stops_in_a_transaction_holds_no_lock_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "_IDLE_IN_TRANSACTION", "50ms")
    account = Account.objects.create(name="Acme")
    holds, ended = threading.Event(), threading.Event()
    broken: list[bool] = []

    def stop_in_the_middle() -> None:
        mine = connections["default"]
        patience.free_locks(mine)
        try:
            with transaction.atomic():
                Account.objects.select_for_update().get(pk=account.pk)
                holds.set()
                ended.wait(30)  # as if stopped
                Account.objects.filter(pk=account.pk).update(name="too late")
        except DatabaseError:
            broken.append(True)
        finally:
            mine.close()

    stopped = threading.Thread(target=copy_context().run, args=(stop_in_the_middle,))
    stopped.start()
    assert holds.wait(30)
    Account.objects.filter(pk=account.pk).update(name="taken over")  # waits until the lock is free
    ended.set()
    stopped.join(30)

    account.refresh_from_db()
    assert (account.name, broken) == ("taken over", [True])
