"""A node's slots: shared by its processes, and free again however their holder ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core import node_slots
from core.node_slots import NodeSlots
from tests.support.present import present

BOTH = range(2)
_HOLDER = """
import sys
from core.node_slots import NodeSlots
slots = NodeSlots(sys.argv[1], 2)
print(all(slots.take("one", range(2)) is not None for _ in range(2)), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def slots(tmp_path: Path) -> NodeSlots:
    return NodeSlots(str(tmp_path / "slots"), 2)


@pytest.mark.parametrize("named", [True, False])
def test_a_key_has_so_many_and_no_other_key_is_kept(tmp_path: Path, *, named: bool) -> None:
    slots = NodeSlots(str(tmp_path / "slots") if named else None, 2)
    held = [present(slots.take("one", BOTH)) for _ in range(2)]

    assert slots.take("one", BOTH) is None
    assert slots.take("other", BOTH) is not None
    slots.give_back(held[0])
    assert slots.take("one", BOTH) == held[0]


def taken(slots: NodeSlots, side: range) -> int:
    """How many of a connection's slots one side gets now."""
    return sum(slots.take("one", side) is not None for _ in range(node_slots.PER_CONNECTION))


@pytest.mark.parametrize(
    ("first", "second", "had"),
    [(node_slots.OF_WEB, node_slots.OF_WORKERS, (4, 6)), (node_slots.OF_WORKERS, node_slots.OF_WEB, (8, 2))],
)
def test_neither_web_nor_workers_take_all_slots_of_a_connection(
    first: range, second: range, had: tuple[int, int]
) -> None:
    slots = NodeSlots(None, node_slots.PER_CONNECTION)

    assert (taken(slots, first), taken(slots, second)) == had


def test_two_sides_that_are_not_busy_leave_each_others_slots_alone() -> None:
    slots = NodeSlots(None, node_slots.PER_CONNECTION)
    for side in (node_slots.OF_WEB, node_slots.OF_WORKERS) * 2:
        slots.take("one", side)

    assert taken(slots, node_slots.OF_WEB) == 2
    assert taken(slots, node_slots.OF_WORKERS) == 4


@pytest.mark.parametrize(
    "end", [lambda holder: holder.stdin.close(), lambda holder: os.kill(holder.pid, signal.SIGKILL)]
)
def test_another_process_has_none_of_those_that_are_held(
    slots: NodeSlots, tmp_path: Path, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path / "slots")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert present(holder.stdout).readline() == "True\n"
        assert slots.take("one", BOTH) is None
        assert slots.take("other", BOTH) is not None
        end(holder)
        holder.wait(30)
        assert slots.take("one", BOTH) is not None


def test_a_child_has_none_of_its_parents(slots: NodeSlots) -> None:
    slots.take("one", BOTH)
    child = os.fork()
    if not child:
        fresh = NodeSlots(slots._path, 1)  # not the copy, which remembers what its parent holds
        os._exit(0 if fresh.take("other", [0]) is not None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (slots.take("one", BOTH) is not None, slots.take("one", BOTH)) == (True, None)
