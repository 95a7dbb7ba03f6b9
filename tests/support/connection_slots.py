"""Slots of one connection on this node, seen and held by tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from connections.models import Connection
from core import node_slots


@contextmanager
def taken_slots(connection: Connection, among: range) -> Iterator[int]:
    """Hold those that are free until the block ends, and yield how many they were."""
    slots = node_slots.of_connections()
    held = [slot for _ in among if (slot := slots.take(str(connection.pk), among)) is not None]
    try:
        yield len(held)
    finally:
        for slot in held:
            slots.give_back(slot)


def free_slots(connection: Connection) -> int:
    """How many web requests could use the connection now."""
    with taken_slots(connection, node_slots.OF_WEB) as free:
        return free
