"""Watched schedules that are upgraded in place, from layer-based to shift-based (PagerDuty developer docs, upgrade to
shift-based schedules). What was on call before the first new shift is not known then."""

from datetime import datetime, timedelta

from pagerduty_app.schedules.kinds import LAYER_BASED, SHIFT_BASED
from pagerduty_app.schedules.rota import Rota
from workflows.catalog import Json

# One poll. A schedule that has still no shift by then is taken for empty.
_WAIT = timedelta(minutes=5)
_SEEN = "upgrade_seen"


def is_upgraded(rota: Rota, state: Json) -> bool:
    """Return whether the schedule has been upgraded since the look that left `state`; before there were two kinds, a
    state did not say which."""
    return bool(state) and state.get("kind", LAYER_BASED) == LAYER_BASED and rota.kind == SHIFT_BASED


def kind_in_state(rota: Rota, state: Json, now: datetime) -> Json:
    """Return the fields of the next state that say the kind of the schedule: still layer-based while it waits."""
    known_from, seen = rota.known_from, state.get(_SEEN)
    settled = known_from is not None and known_from <= now
    late = seen is not None and now - datetime.fromisoformat(seen) >= _WAIT
    if settled or late or not is_upgraded(rota, state):
        return {"kind": rota.kind}
    return {"kind": LAYER_BASED, _SEEN: seen or now.isoformat()}


def waits(kind: Json) -> bool:
    """Return whether this look says nothing, because the shifts of an upgraded schedule begin later. kind: see
    kind_in_state."""
    return _SEEN in kind
