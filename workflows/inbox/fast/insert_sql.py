"""The statement that stores deliveries if they are new and the cached trigger and secret still match the rows.

PostgreSQL stores all waiting deliveries, and the outbox rows of their hooks, by one statement with a list per column.
SQLite has no round trips to save and no statement that writes two tables. There each delivery is one statement, and
the caller writes the outbox rows in the same transaction.
"""

import json
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db import connection

from core.db import clock
from core.text.json_sanitize import storable_text
from workflows.catalog import Delivery
from workflows.inbox.store import Judged
from workflows.models import Event, HookDelivery, Trigger, TriggerSecret
from workflows.outgoing import outbox

_EVENT, _TRIGGER, _SECRET = (model._meta.db_table for model in (Event, Trigger, TriggerSecret))


class Parameters(NamedTuple):
    """The parameters of a delivery: the event's values, then the cached values of its trigger and secret."""

    id: Any
    external_id: str
    event_type: str
    lane: str
    body: bytes
    status: str
    error: str
    received_at: Any
    trigger: Any
    trigger_status: str
    redact: str
    options: str
    secret_id: Any
    secret: str


# Columns of the event, each a constant or one of the parameters; the workspace is the trigger's by now.
_COLUMNS = {
    "workspace_id": "t.workspace_id",
    "trigger_id": "t.id",
    "id": "{id}",
    "external_id": "{external_id}",
    "event_type": "{event_type}",
    "lane": "{lane}",
    "body": "{body}",
    "status": "{status}",
    "error": "{error}",
    "received_at": "{received_at}",
    "is_test": "false",
    "source": "''",
    "attempts": "0",
}
_PRECONDITIONS = (
    "t.id = {trigger} AND t.status = {trigger_status} AND t.redact = {redact} AND t.options = {options}"
    " AND t.deleted_at IS NULL AND t.confirmed_at IS NOT NULL AND s.id = {secret_id} AND s.secret = {secret}"
    " AND s.retired_at IS NULL AND (t.twins_until IS NULL OR t.twins_until <= {received_at})"
)
_STORE = (
    f"INSERT INTO {_EVENT} ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS.values())}"  # noqa: S608 - our own names
    f" FROM {{all}}{_TRIGGER} t JOIN {_SECRET} s ON s.trigger_id = t.id WHERE {_PRECONDITIONS}{{in_order}}"
    " ON CONFLICT (trigger_id, external_id) DO NOTHING"
    " RETURNING seq, id, workspace_id, trigger_id, lane, received_at, status"
)

# SQLite: store one delivery and return its row.
STORE_ONE = _STORE.format(
    all="", in_order="", **{name: f"?{number}" for number, name in enumerate(Parameters._fields, 1)}
)
# SQLite: store one outbox row for each endpoint that takes the event.
OWE = outbox.insert_sql(
    HookDelivery.Kind.EVENT, "sqlite", about="?1", lane="?2", at="?3", workspace="?4", trigger="?5"
)

# PostgreSQL: takes the result of `lists`; returns for each stored delivery (id, whether it is queued for runs, how many
# outbox rows were written for all of them). JSON is passed as text.
_KINDS = dict.fromkeys(Parameters._fields, "text") | {"body": "bytea", "received_at": "timestamptz"}
_KINDS |= dict.fromkeys(("id", "trigger", "secret_id"), "uuid")
_STORE_THEM = _STORE.format(
    all=f"unnest({', '.join(f'%s::{kind}[]' for kind in _KINDS.values())})"
    f" WITH ORDINALITY AS d({', '.join(_KINDS)}, number), ",
    in_order=" ORDER BY d.number",
    **{name: f"d.{name}" for name in _KINDS} | {name: f"d.{name}::jsonb" for name in ("redact", "options")},
)
_OWE_THEM = outbox.insert_sql(
    HookDelivery.Kind.EVENT,
    "postgresql",
    source="stored, ",
    about="stored.seq",
    lane="stored.lane",
    at="stored.received_at",
    workspace="stored.workspace_id",
    trigger="stored.trigger_id",
)
STORE_ALL = (
    f"WITH stored AS ({_STORE_THEM}), owed AS ({_OWE_THEM} AND stored.status = 'queued' RETURNING 1)"  # noqa: S608 - as above
    " SELECT id, status = 'queued', (SELECT count(*) FROM owed) FROM stored"
)


def lists(batch: Sequence[Parameters]) -> list[list[Any]]:
    """Return the arguments of STORE_ALL: one list per column."""
    return [list(values) for values in zip(*batch, strict=True)]


def preconditions(trigger: Trigger, secret: TriggerSecret) -> list[Any]:
    """Return the part of `parameters` that is the same for all deliveries of a trigger."""
    return [
        stored_uuid(trigger.pk),
        trigger.status,
        json.dumps(trigger.redact),
        json.dumps(trigger.options),
        stored_uuid(secret.pk),
        secret.secret,
    ]


def parameters(delivery: Delivery, judged: Judged, preconditions: Sequence[Any]) -> Parameters:
    """Return the parameters of one delivery for either statement."""
    return Parameters(
        stored_uuid(uuid.uuid4()),
        storable_text(delivery.external_id)[:200],
        storable_text(delivery.event_type)[:120],
        storable_text(delivery.lane)[:200],
        judged.body,
        judged.status.value,
        judged.why,
        now(),
        *preconditions,
    )


def stored_uuid(value: uuid.UUID) -> Any:
    return value.hex if _on_sqlite() else value


def now() -> Any:
    """Return the current time as Django stores it; SQLite stores text in UTC."""
    moment = clock.now()
    return str(moment.replace(tzinfo=None)) if _on_sqlite() else moment


@cache
def _on_sqlite() -> bool:
    return connection.vendor == "sqlite"
