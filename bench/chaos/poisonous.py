"""Events that always raise or kill their worker end as failed, and all others are handled."""

import time

from bench.chaos import counts
from bench.chaos.sender import Lane, Sender, lanes_of
from bench.chaos.traffic import empty, incidents, tenants
from bench.figures import SHORT, Row, at_most, exactly
from bench.stack import Stack

_KINDS = ("event raises", "event kills", "run raises", "run kills")
_OTHERS = 60
_BEHIND = 3
# Eight claims (workflows.engine.executor) of 30 to 60 seconds each (workflows.engine.leases), and a cluster to start
# anew after most.
_ENDS_WITHIN = 200.0 if SHORT else 600.0
_SHORT_LEASE = "4"


class _Poison(Lane):
    """A lane whose first event is poisoned."""

    kind = ""

    @property
    def title(self) -> str:
        return self.kind if self.next == 0 else self.name


def measure(port: int) -> list[Row]:
    env = {"DJANGO_SETTINGS_MODULE": "bench.chaos.poisoned"}
    env |= {"POISON_LEASE_SECONDS": _SHORT_LEASE} if SHORT else {}
    with Stack("postgresql", port, env=env) as stack:
        tenant = tenants(stack, ["Client 1"])[0]
        ids = incidents(stack, len(_KINDS) + 10)
        poison = [
            _Poison(tenant["id"], tenant["url"], tenant["secret"], incident, 1 + _BEHIND)
            for incident in ids[:4]
        ]
        for lane, kind in zip(poison, _KINDS, strict=True):
            lane.kind = kind
        sender = Sender([*poison, *lanes_of([tenant], ids[4:], _OTHERS)], 30.0)
        sender.start()
        sender.wait()
        empty_after = empty(stack, time.monotonic())
        good = [name for name in sender.accepted if name not in {f"{lane.incident}-00000" for lane in poison}]
        found = counts.count(stack, good)
        failed_runs = stack.rows("SELECT COUNT(*) FROM workflows_run WHERE status = 'failed'")[0][0]
        failed_events = stack.rows("SELECT COUNT(*) FROM workflows_event WHERE status = 'failed'")[0][0]
    return [
        exactly("poison: events that ended as failed", 2, failed_events, "events"),
        exactly("poison: runs that ended as failed", 2, failed_runs, "runs"),
        exactly("poison: other events lost", 0, found.lost, "events"),
        exactly("poison: runs doubled", 0, found.doubled + found.doubled_notes, "runs"),
        exactly("poison: out of order", 0, found.out_of_order, "runs"),
        exactly("poison: stuck", 0, found.stuck - failed_events, "events"),
        at_most("poison: everything at its end", _ENDS_WITHIN, empty_after, "s"),
    ]
