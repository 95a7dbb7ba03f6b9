"""The trigger pagerduty/on-call-changed: PagerDuty posts no hand-overs, so they are read from the final shifts.

Up to `told`, in the state of the watch, each change of who is on call has become an event. A look reads the shifts from
there to now, however long that is, and some weeks on, to know when the next hand-over is due. Overrides may change that
at any time: so there is a look every few minutes as well.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pagerduty_app.actions.fields import schedule_field
from pagerduty_app.client import Api
from pagerduty_app.payloads import field_names
from pagerduty_app.payloads.on_call.events import Change, changed, sample_change
from pagerduty_app.payloads.on_call.schema import CHANGED, names_of, schema
from pagerduty_app.schedules import final_shifts
from pagerduty_app.schedules.people import users_by_id, with_name
from pagerduty_app.schedules.rota import AHEAD, Rota, Stretch
from pagerduty_app.triggers import upgrades
from pagerduty_app.triggers.event_trigger import COMMON
from workflows.catalog import Json, Look, Poll, TriggerType
from workflows.catalog.schemas import ActionInput

_EVERY = timedelta(minutes=5)
# Made good after a stop; what is older, or more, is left out, and said to be.
FURTHEST_BACK = timedelta(days=7)
MOST_AT_ONCE = 200
# Found so late, a hand-over was missed when it happened.
_LATE = 2 * _EVERY


class OnCallOptions(ActionInput):
    """The schedule to watch."""

    schedule_id = schedule_field()


def look(api: Api, options: Json, state: Json, now: datetime) -> Look:
    """The hand-overs since the last look; the first look only takes down who is on call. Raises ProviderError."""
    schedule_id, now = options["schedule_id"], now.astimezone(UTC)
    told = datetime.fromisoformat(state["told"]) if state else now
    now = max(now, told)  # another machine's clock may be ahead: what it has told is not told again
    since = max(told, now - FURTHEST_BACK)
    rota = final_shifts.read_rota(api, schedule_id, since, now + AHEAD)
    kind = upgrades.kind_in_state(rota, state, now)
    compares = bool(state) and not upgrades.waits(kind)
    changes = list(_changes(rota, state, told, since, now)) if compares else []
    kept = changes[-MOST_AT_ONCE:]
    present = rota.at(now).users
    if kept or not state:
        sides = [user for change in kept for user in (*change.before, *change.now)]
        known = users_by_id(api, (user["id"] for user in (*present, *reversed(sides))))
        present = [with_name(user, known) for user in present]
        kept = [_with_names(change, known) for change in kept]
    else:
        present = state["users"]
    return Look(
        state={"told": now.isoformat(), "users": present, **kind},
        found=[changed(rota.schedule, change, recovered=now - change.at > _LATE) for change in kept],
        expected_at=rota.end_of(now),
        watched=str(rota.schedule.get("summary") or schedule_id),
        present=f"On call: {names_of(present)}",
        left_out=_left_out(changes, kept, told, since),
    )


def _changes(rota: Rota, state: Json, told: datetime, since: datetime, now: datetime) -> Iterator[Change]:
    """The hand-overs after `told`. What differs at `since` itself was changed for the time that was told already,
    as an override does it, or happened in the time left out; then it counts from when the shift began, if later."""
    before: list[Json] = state["users"]
    since = _since_upgrade(rota, state, since, now)
    first = rota.at(since)
    stretches = [Stretch(max(told, first.start), first.users), *rota.after(since)]
    for stretch in stretches:
        if stretch.start > now:
            return
        if stretch.ids != [user["id"] for user in before]:
            yield Change(stretch.start, before, stretch.users, rota.end_of(max(stretch.start, since)))
            before = stretch.users


def _since_upgrade(rota: Rota, state: Json, since: datetime, now: datetime) -> datetime:
    """Return where to compare from. An upgraded schedule may not have the shifts from before its upgrade, so that
    their absence says nothing: a shift-based schedule has shifts of no one for times that it leaves empty. Without a
    shift by now, after the wait, it is empty."""
    known_from = rota.known_from
    if known_from is None or known_from > now or not upgrades.is_upgraded(rota, state):
        return since
    return max(since, known_from)


def _left_out(changes: list[Change], kept: list[Change], told: datetime, since: datetime) -> str:
    said = []
    if told < since:
        days = FURTHEST_BACK.days
        said.append(
            f"Polling was unavailable for more than {days} days; hand-overs before the last {days} are left out."
        )
    if len(kept) < len(changes):
        said.append(
            f"{len(changes):,} hand-overs were found at once; only the last {MOST_AT_ONCE} were recovered."
        )
    return " ".join(said)


def _with_names(change: Change, known: dict[str, Json]) -> Change:
    before = [with_name(user, known) for user in change.before]
    return Change(change.at, before, [with_name(user, known) for user in change.now], change.until)


TRIGGER = TriggerType(
    key="pagerduty/on-call-changed",
    name="On-call changed",
    description="Triggers when the on-call user of a schedule changes.",
    group=COMMON,
    event_types=frozenset({CHANGED}),
    sample=sample_change(),
    output_schema=schema(CHANGED),
    field_names=field_names.OF_ON_CALL_CHANGE,
    options=OnCallOptions,
    poll=Poll(
        scopes=("schedules.read", "users.read"),
        every=_EVERY,
        asks="who is on call in the schedule: at the end of each shift, and every five minutes, because overrides may "
        "change it",
        look=look,
    ),
)
