"""Machines that start together do not migrate at the same time."""

import threading

import pytest
from django.db import connection, connections

from taskjuice import migrating


@pytest.mark.django_db(transaction=True)
def test_a_second_machine_waits_for_the_first() -> None:
    if connection.vendor != "postgresql":
        with migrating.alone():
            return
    order: list[str] = []
    waits = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    def second() -> None:
        with migrating.alone():
            order.append("second")
        connections.close_all()

    with migrating.alone():
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
