"""Fields that a trigger never stores: gone before the event is a row, and so from everything that comes of it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import AuditEvent, Connection
from pagerduty_app import signatures
from tests.factories import SECRET, SYSTEM, Ask, add_note, connect, incident_event, people
from tests.support.browser import path, signed_in, text
from tests.support.http_sinks import Sink, sink
from tests.support.present import text_sent
from tests.support.processor_time import processor_seconds
from workflows import worker
from workflows.inbox.redaction import redacted
from workflows.models import Event, HeldDelivery, HookDelivery, Run, Trigger, Workflow
from workflows.outgoing import endpoints
from workflows.triggers import lifecycle

pytestmark = pytest.mark.django_db
CANARY = "canary-Pólly-7741"
PATHS = ["event.data.title", "event.data.body.details", "event.data.assignees.*.summary"]


@pytest.fixture
def server(settings: Any) -> Iterator[Sink]:
    settings.HOOKS_ALLOW_PRIVATE = True
    with sink() as made:
        yield made


def redact(trigger: Trigger, paths: list[str] = PATHS) -> None:
    lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"redact": paths})


def telling(**data: Any) -> dict[str, Any]:
    """An event with the canary wherever PATHS lead."""
    return incident_event(
        title=f"{CANARY} fell off",
        body={"details": {"who": CANARY, "list": [CANARY]}},
        assignees=[{"id": "PU1", "summary": CANARY}, {"id": "PU2", "summary": CANARY}],
        **data,
    )


def tables_with(words: str) -> set[str]:
    """The tables of the database with that text in any column of any type."""
    found = set()
    forms = (words, json.dumps(words)[1:-1])
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for value in row:
                    held = bytes(value).decode(errors="replace") if _binary(value) else str(value)
                    if any(form in held for form in forms):
                        found.add(table)
    return found


def _binary(value: Any) -> bool:
    return isinstance(value, bytes | memoryview)


def test_nothing_of_it_is_in_any_table_after_delivery_run_hook_and_replay(
    deliver: Any,
    ask: Ask,
    trigger: Trigger,
    note_workflow: Workflow,
    pagerduty: responses.RequestsMock,
    server: Sink,
) -> None:
    pagerduty.add_passthru("http://127.0.0.1")
    note = add_note(pagerduty)
    endpoints.create(
        actor=SYSTEM, workspace=trigger.workspace, name="S", url=server.url, events=True, runs=True
    )
    redact(trigger)

    assert deliver(telling()).status_code == 202
    worker.drain()
    assert ask("post", f"runs/{Run.objects.get().id}/replay/").status_code == 201
    worker.drain()
    for _ in range(3):
        worker.send_hooks()

    assert list(Run.objects.values_list("status", flat=True)) == ["completed"] * 2
    assert HookDelivery.objects.filter(status="delivered").count() == 3
    assert tables_with(CANARY) == set()
    assert not [body for body in server.bodies if "canary" in body.decode()]
    assert "[redacted]" in server.bodies[0].decode()
    assert len(note.calls) == 2
    assert json.loads(text_sent(note.calls[0].request))["note"]["content"] == "Runbook for [redacted]"
    # The search finds what is there.
    deliver(incident_event(title="x", other=CANARY))
    assert tables_with(CANARY) == {"workflows_event"}


def test_the_raw_body_is_what_the_signature_is_checked_against_and_repeats_are_recognised(
    deliver: Any, trigger: Trigger
) -> None:
    redact(trigger)
    payload = telling()

    assert deliver(payload, secret="another").status_code == 401
    assert deliver(payload).status_code == deliver(payload).status_code == 202

    event = Event.objects.get()
    assert (event.external_id, event.lane, event.event_type) == (
        payload["event"]["id"],
        "PINC1",
        "incident.triggered",
    )
    stored = event.payload["event"]["data"]
    assert (stored["title"], stored["body"]) == ("[redacted]", {"details": None})
    assert stored["assignees"] == [
        {"id": "PU1", "summary": "[redacted]"},
        {"id": "PU2", "summary": "[redacted]"},
    ]
    assert stored["service"] == payload["event"]["data"]["service"]


def test_what_is_held_stays_as_it_was_signed_until_it_is_judged(
    client: Client, ask: Ask, connection: Connection
) -> None:
    made = ask(
        "post", "triggers/", {"key": "pagerduty/incident-triggered", "connection": str(connection.pk)}
    ).json()
    trigger = Trigger.objects.get()
    redact(trigger)
    body = json.dumps(telling()).encode()
    signed = {"X-PagerDuty-Signature": signatures.sign(body, SECRET)}
    client.post(f"/hooks/pagerduty/{trigger.token}", body, content_type="application/json", headers=signed)
    assert bytes(HeldDelivery.objects.get().body) == body

    assert ask("post", f"triggers/{made['id']}/secrets/", {"secret": SECRET}).status_code == 201

    assert Event.objects.get().payload["event"]["data"]["title"] == "[redacted]"
    assert tables_with(CANARY) == set()


def test_a_test_event_shows_what_becomes_of_the_fields(trigger: Trigger) -> None:
    redact(trigger)

    event = lifecycle.send_test(actor=SYSTEM, trigger=trigger)

    assert event.payload["event"]["data"]["title"] == "[redacted]"


def test_receiving_costs_no_query_more(deliver: Any, trigger: Trigger) -> None:
    deliver(incident_event())

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert deliver(incident_event()).status_code == 202
        return len(seen)

    before = queries()
    redact(trigger)
    assert queries() == before


# What is cut out, and that the rest stays byte by byte.


@pytest.mark.parametrize(
    ("paths", "before", "after"),
    [
        (["a"], '{"a": "x", "b": "x"}', '{"a": "[redacted]", "b": "x"}'),
        (["a"], '{"a":1}', '{"a":null}'),
        (["a"], '{"a":true,"b":[1.10,1E400,NaN]}', '{"a":null,"b":[1.10,1E400,NaN]}'),
        (["a"], '{"a":null}', '{"a":null}'),
        (["a"], '{"a" : {"b": ["}", {"c": "]"}]} , "d": 1}', '{"a" : null , "d": 1}'),
        (["a"], '{"a":"x","b":{"a":"y"},"a":{"a":"z"}}', '{"a":"[redacted]","b":{"a":"y"},"a":null}'),
        (["a.b"], '{"a":{"b":1},"a":{"b":"2"}}', '{"a":{"b":null},"a":{"b":"[redacted]"}}'),
        (["a"], '{"\\u0061":"x"}', '{"\\u0061":"[redacted]"}'),
        (["ä.😀"], '{"\\u00e4":{"\\ud83d\\ude00":"x"}}', '{"\\u00e4":{"\\ud83d\\ude00":"[redacted]"}}'),
        (["a"], '{"a":"say \\"a\\": \\\\","b":1}', '{"a":"[redacted]","b":1}'),
        (["a"], '{"b":"\\"a\\":\\"x\\"","c":"a"}', '{"b":"\\"a\\":\\"x\\"","c":"a"}'),
        (["a.*.b"], '{"a":[{"b":"x"},{"b":2},{"c":3},4]}', '{"a":[{"b":"[redacted]"},{"b":null},{"c":3},4]}'),
        (["a.b"], '{"a":[{"b":"x"},[{"b":"y"}]]}', '{"a":[{"b":"[redacted]"},[{"b":"[redacted]"}]]}'),
        (["a.*"], '{"a":["x",{"b":1},3]}', '{"a":["[redacted]",null,null]}'),
        (["a.*"], '{"a":{"b":"x","c":[1]}}', '{"a":{"b":"[redacted]","c":null}}'),
        (["*.b"], '[{"b":"x"}]', '[{"b":"[redacted]"}]'),
        (["a", "a.b"], '{"a":{"b":"x"}}', '{"a":null}'),
        (["a.b.c"], '{"a":{"b":"x"},"b":{"c":1}}', '{"a":{"b":"x"},"b":{"c":1}}'),
        (["a"], '\n {"n":' + "9" * 5000 + ',"a":"x"} \t', '\n {"n":' + "9" * 5000 + ',"a":"[redacted]"} \t'),
    ],
)
def test_only_the_values_that_a_path_leads_to_are_replaced(paths: list[str], before: str, after: str) -> None:
    assert redacted(before.encode(), paths).decode() == after


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"])
def test_other_encodings_of_json_are_read_too(encoding: str) -> None:
    body = '{"a":"ü","b":"ü"}'.encode(encoding)

    after = redacted(body, ["a"])

    assert json.loads(after) == {"a": "[redacted]", "b": "ü"}
    assert after == '{"a":"[redacted]","b":"ü"}'.encode(encoding)


@pytest.mark.parametrize(
    "body", [b"", b"a=1", b'{"a"', b'{"a":"x"', b'{"a":"x', b"}", b"]]", b"\xff\xfe\xfa", b'{"a\\q":"x"}']
)
def test_what_is_no_json_is_kept_as_it_is(body: bytes) -> None:
    assert redacted(body, ["a"]) == body


@pytest.mark.parametrize("depth", [50, 900, 30_000])
def test_depth_is_no_obstacle(deliver: Any, trigger: Trigger, depth: int) -> None:
    redact(trigger, ["event.data.title", "event.data.deep.a.*.a"])
    body = json.dumps(incident_event(title=CANARY, deep="HERE")).replace(
        '"HERE"', '{"a":[' * depth + "]}" * depth
    )

    assert deliver(body.encode()).status_code == 202

    stored = bytes(Event.objects.get().body).decode()
    assert '"title": "[redacted]"' in stored
    assert '"deep": {"a":[{"a":null}]}' in stored


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 250_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"event":{"data":[' + b'{"title":1},' * 20_000 + b"1]}}",
        b'{"event":{"data":{"title":"' + b"\\\\" * 120_000 + b'"}}}',
        b'{"event":"' + b"\\\\" * 120_000,
        b'{"x' + b'":1,"x'.join(str(number).encode() for number in range(20_000)) + b'":1}',
    ],
    ids=range(6),
)
def test_no_body_takes_long(body: bytes) -> None:
    paths = ["event.data.title", *(f"*.a{number}.*.*.b" for number in range(49))]
    assert processor_seconds(lambda: redacted(body, paths)) < 2


# Choosing the fields.


def test_the_api_sets_shows_and_replaces_them(ask: Ask, trigger: Trigger) -> None:
    where = f"triggers/{trigger.pk}/"
    assert ask("get", where).json()["redact"] == []

    answer = ask("patch", where, {"redact": ["event.data.title", " event.data.title ", "event.agent"]})

    assert (answer.status_code, answer.json()["redact"]) == (200, ["event.data.title", "event.agent"])
    assert AuditEvent.objects.get(action="trigger.changed").detail["redact"] == answer.json()["redact"]
    assert ask("patch", where, {"name": "Else"}).json()["redact"] == ["event.data.title", "event.agent"]
    assert ask("patch", where, {"redact": []}).json()["redact"] == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("event.id", "event.id says whether it came before"),
        ("event.event_type", "event.event_type says what happened"),
        ("event.data.id", "event.data.id says which incident it is about"),
        ("event.data.incident_key", "identifies the incidents"),
        ("event", "event.id says"),
        ("event.data", "event.data.id says"),
        ("event.*", "event.id says"),
        ("*", "event.id says"),
        ("*.*.id", "event.data.id says"),
        ("event.data.*", "event.data.id says"),
        ("event.data.incident.*", "event.data.incident.id says"),
        ("event..data", "is not a valid path"),
        (".", "is not a valid path"),
        ("event.da*", "is not a valid path"),
        ("event. data", "is not a valid path"),
        ("event.data.teams.0.summary", "write * instead of 0"),
        ("trigger.incident.title", "is how workflows name it"),
        ("a" * 201, "200"),
        (".".join("a" * 21), "20 names"),
        ("event.da\nta", "printable"),
        ("event.\u202e", "printable"),
    ],
)
def test_what_cannot_be_left_out_is_refused_precisely(
    ask: Ask, trigger: Trigger, asked: str, says: str
) -> None:
    answer = ask("patch", f"triggers/{trigger.pk}/", {"redact": ["event.agent", asked]})

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["fields"].keys() == {"redact"}
    assert says in json.dumps(error["fields"], ensure_ascii=False)
    trigger.refresh_from_db()
    assert trigger.redact == []


@pytest.mark.parametrize(
    "value", ["event.agent", {"a": 1}, [1, {}], [None], [["event.agent"]], [""], [f"a{n}" for n in range(51)]]
)
def test_what_is_no_list_of_paths_is_refused(ask: Ask, trigger: Trigger, value: Any) -> None:
    answer = ask("patch", f"triggers/{trigger.pk}/", {"redact": value})

    assert answer.status_code == 400
    assert answer.json()["error"]["fields"].keys() == {"redact"}


def test_fields_are_ticked_or_written_on_the_triggers_page() -> None:
    who = people()
    browser = signed_in(who.bob)
    trigger = _trigger_of(who.acme)
    where = path("redaction", trigger)
    page = browser.get(where).content.decode()
    assert 'value="event.data.title"' in page
    assert 'value="event.data.id"' not in page

    answer = browser.post(
        where,
        {"known": ["event.data.title"], "others": "event.data.body.details\r\n\r\nevent.data.notes.*.x"},
    )

    assert answer.status_code == 302
    trigger.refresh_from_db()
    assert trigger.redact == ["event.data.title", "event.data.body.details", "event.data.notes.*.x"]
    assert "event.data.notes.*.x" in text(browser.get(path("detail", trigger)))
    page = browser.get(where).content.decode()
    assert 'value="event.data.title" id="id_known_' in page.replace("\n", "")
    assert page.count(" checked>") == 1
    assert "event.data.body.details\nevent.data.notes.*.x" in page.replace("\r", "")

    refused = browser.post(where, {"others": "event.data.id\nevent.data.x"})
    assert refused.status_code == 400
    assert "“event.data.id” cannot be left out" in text(refused)
    assert browser.post(where, {}).status_code == 302
    trigger.refresh_from_db()
    assert trigger.redact == []


def test_the_trigger_of_another_agency_is_not_there() -> None:
    who = people()
    where = path("redaction", _trigger_of(who.acme))

    charlie = signed_in(who.charlie)

    assert charlie.get(where).status_code == charlie.post(where, {"others": "a"}).status_code == 404


def test_the_trigger_of_a_revoked_connection_says_so(ask: Ask, trigger: Trigger) -> None:
    Trigger.objects.update(status="closed")

    answer = ask("patch", f"triggers/{trigger.pk}/", {"redact": ["a"]})

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "trigger_closed")


def _trigger_of(workspace: Any) -> Trigger:
    return lifecycle.create(
        actor=SYSTEM, connection=connect(workspace), key="pagerduty/incident-triggered", name="New"
    )
