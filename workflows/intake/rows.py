"""The statement that stores one delivery, if everything is still as it was believed to be, and if it is new.

PostgreSQL stores the event and what hooks are owed in one round trip. SQLite has no round trips, and no statement
that writes two tables: there the caller owes the hooks in the same transaction.
"""

import json
import uuid
from functools import cache
from typing import Any

from django.db import connection

from connections import clock
from connections.storable import storable_text
from workflows.catalog import Delivery
from workflows.models import Event, Hook, HookDelivery, Trigger, TriggerSecret
from workflows.storing import Judged

Parameters = list[Any]
_EVENT, _TRIGGER, _SECRET = (model._meta.db_table for model in (Event, Trigger, TriggerSecret))
_HOOK, _OWED = Hook._meta.db_table, HookDelivery._meta.db_table

# Columns of the event, each a constant or one of the parameters; the workspace is the trigger's by now.
_COLUMNS = {
    "workspace_id": "t.workspace_id",
    "trigger_id": "t.id",
    "id": "{uuid}",
    "external_id": "{text}",
    "event_type": "{text}",
    "lane": "{text}",
    "body": "{bytes}",
    "status": "{text}",
    "error": "{text}",
    "received_at": "{time}",
    "is_test": "{false}",
    "source": "''",
    "attempts": "0",
}
_BELIEVED = (
    "t.id = {uuid} AND t.status = {text} AND t.redact = {json} AND t.options = {json} AND t.deleted_at IS NULL"
    " AND t.confirmed_at IS NOT NULL AND s.id = {uuid} AND s.secret = {text} AND s.retired_at IS NULL"
    " AND (t.twins_until IS NULL OR t.twins_until <= {time})"
)
_STORE = (
    f"INSERT INTO {_EVENT} ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS.values())}"  # noqa: S608 - our own names
    f" FROM {_TRIGGER} t JOIN {_SECRET} s ON s.trigger_id = t.id WHERE {_BELIEVED}"
    " ON CONFLICT (trigger_id, external_id) DO NOTHING"
    " RETURNING seq, workspace_id, trigger_id, lane, received_at, status"
)
_TAKES = "h.events AND h.deleted_at IS NULL AND (h.trigger_id IS NULL OR h.trigger_id = {trigger})"
_OWED_COLUMNS = (
    "id, workspace_id, hook_id, kind, event_id, lane, status, attempts, tries, next_attempt_at, created_at"
)
_OWE_TOO = (
    f"WITH stored AS ({_STORE}), owed AS ("  # noqa: S608 - as above
    f"INSERT INTO {_OWED} ({_OWED_COLUMNS}) SELECT gen_random_uuid(), h.workspace_id, h.id, 'event', seq, lane,"
    f" 'waiting', 0, '[]', received_at, received_at FROM stored JOIN {_HOOK} h ON h.workspace_id = stored.workspace_id"
    f" AND {_TAKES.format(trigger='stored.trigger_id')} WHERE stored.status = 'queued' RETURNING 1)"
    " SELECT seq, (SELECT count(*) FROM owed) FROM stored"
)
HOOKS_THAT_TAKE = f"SELECT h.id FROM {_HOOK} h WHERE h.workspace_id = ? AND {_TAKES.format(trigger='?')}"  # noqa: S608 - as above
OWE = f"INSERT INTO {_OWED} ({_OWED_COLUMNS}) VALUES (?, ?, ?, 'event', ?, ?, 'waiting', 0, '[]', ?, ?)"  # noqa: S608 - as above

_MARKS = {
    "sqlite": dict.fromkeys(("uuid", "text", "bytes", "time", "json"), "?") | {"false": "0"},
    "postgresql": {
        "uuid": "%s::uuid",
        "text": "%s::text",
        "bytes": "%b::bytea",
        "time": "%s::timestamptz",
        "json": "%s::jsonb",
        "false": "false",
    },
}


@cache
def statement(vendor: str) -> str:
    """Answers a row where it was stored, on PostgreSQL (seq, how many hooks are owed it)."""
    return {"sqlite": _STORE, "postgresql": _OWE_TOO}[vendor].format(**_MARKS[vendor])


def beliefs(trigger: Trigger, secret: TriggerSecret) -> Parameters:
    """The part of `parameters` that is the same for all deliveries of a trigger."""
    return [
        stored_uuid(trigger.pk),
        trigger.status,
        json.dumps(trigger.redact),
        json.dumps(trigger.options),
        stored_uuid(secret.pk),
        secret.secret,
    ]


def parameters(delivery: Delivery, judged: Judged, believed: Parameters) -> Parameters:
    """What `statement` takes for that delivery, judged as a trigger of that kind judges it."""
    received_at = now()
    return [
        stored_uuid(uuid.uuid4()),
        storable_text(delivery.external_id)[:200],
        storable_text(delivery.event_type)[:120],
        storable_text(delivery.lane)[:200],
        judged.body,
        judged.status.value,
        judged.why,
        received_at,
        *believed,
        received_at,
    ]


def stored_uuid(value: uuid.UUID) -> Any:
    return value.hex if _on_sqlite() else value


def now() -> Any:
    """This moment, as Django writes it: SQLite keeps text in UTC."""
    moment = clock.now()
    return str(moment.replace(tzinfo=None)) if _on_sqlite() else moment


@cache
def _on_sqlite() -> bool:
    return connection.vendor == "sqlite"
