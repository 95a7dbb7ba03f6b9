"""Audit pages: filters, one connection's own trail, and a CSV that no spreadsheet runs."""

import ast
import csv
import io
import re
from typing import Any

import pytest
from django.conf import settings
from django.db import connection as database
from django.db.utils import OperationalError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections import audit
from connections.audit import labels
from connections.models import AuditEvent, Connection, Workspace
from connections.pages import audit as pages
from connections.tenancy.actor import Actor
from tests.connections.pages.test_workspaces import look_at
from tests.factories import People, connect
from tests.support.browser import signed_in

AUDIT = reverse("connections:audit")


def happened(who: People, action: str, connection: Connection, label: str = "alice@alice.example") -> None:
    actor = Actor(kind="user", label=label, user_id=who.alice.pk, ip="192.0.2.7")
    audit.record(actor, action, connection=connection)


def rows(browser: Client, path: str = AUDIT, **asked: str) -> list[list[str]]:
    answer: Any = browser.get(path, asked | {"format": "csv"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))[1:]


def test_the_filters_narrow_by_person_connection_action_and_day(
    alice: Client, who: People, connection: Connection, time_machine: Any
) -> None:
    other = connect(who.acme, "Other one")
    time_machine.move_to("2026-11-01T23:30:00Z", tick=False)
    happened(who, "connection.checked", connection)
    time_machine.move_to("2026-11-03T12:00:00Z", tick=False)
    happened(who, "connection.renamed", other, label="bob@bob.example")

    def seen(**asked: str) -> set[str]:
        return {row[4] for row in rows(alice, **asked)}

    assert seen() == {"connection.checked", "connection.renamed"}
    assert seen(person="BOB") == {"connection.renamed"}
    assert seen(connection=str(connection.pk)) == {"connection.checked"}
    assert seen(action="connection.renamed") == {"connection.renamed"}
    assert seen(since="2026-11-02") == {"connection.renamed"}
    assert seen(until="2026-11-01") == {"connection.checked"}
    alice.cookies["zone"] = "Europe/Berlin"  # there it is the second already
    assert seen(until="2026-11-01") == set()
    assert seen(since="2026-11-02", until="2026-11-02") == {"connection.checked"}
    page = alice.get(AUDIT, {"action": "connection.renamed"}).content.decode()
    assert "Connection renamed" in page
    assert "192.0.2.7" in page


@pytest.mark.parametrize(
    "asked",
    [{"since": "yesterday"}, {"action": "x"}, {"connection": "x"}, {"until": "2026-02-30"}],
    ids=range(4),
)
def test_a_filter_that_cannot_be_understood_is_said_and_shows_nothing(
    alice: Client, who: People, connection: Connection, asked: Any
) -> None:
    happened(who, "connection.checked", connection)

    for more in ({}, {"format": "csv"}):
        answer = alice.get(AUDIT, asked | more)
        assert answer.status_code == 400
        assert "192.0.2.7" not in answer.content.decode()


def test_a_foreign_connection_does_not_filter(alice: Client, who: People) -> None:
    foreign = connect(who.other, "Rival's")
    happened(who, "connection.checked", foreign)

    assert alice.get(AUDIT, {"connection": str(foreign.pk)}).status_code == 400
    assert rows(alice) == []


def test_no_cell_is_a_formula(alice: Client, who: People) -> None:
    evil = connect(who.acme, '=HYPERLINK("http://evil.example","x")')
    happened(who, "connection.checked", evil, label="+cmd|' /C calc'!A0")

    cells = rows(alice)[0]

    assert cells[1].startswith("'+")
    assert cells[6].startswith("'=")
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_members_see_one_connections_trail_but_not_the_agencys(who: People, connection: Connection) -> None:
    happened(who, "connection.checked", connection)
    bob = signed_in(who.bob)
    path = reverse("connections:connection_audit", args=[connection.pk])
    assert path in bob.get(reverse("connections:detail", args=[connection.pk])).content.decode()

    assert "Connection checked" in bob.get(path).content.decode()
    assert len(rows(bob, path)) == 1
    assert bob.get(AUDIT).status_code == 403


def test_the_list_takes_as_many_queries_for_many_rows_as_for_one(
    alice: Client, who: People, connection: Connection
) -> None:
    happened(who, "connection.checked", connection)
    alice.get(AUDIT)

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(AUDIT).status_code == 200
        return len(seen)

    before = queries()
    for number in range(60):
        happened(who, "connection.checked", connect(who.acme, f"C{number}") if number < 12 else connection)
    assert queries() == before
    assert AuditEvent.objects.count() == 61
    page = alice.get(AUDIT).content.decode()
    assert "page=2" in page
    assert ">1–50<" in page
    assert ">51–61<" in alice.get(f"{AUDIT}?page=2").content.decode()


def test_whatever_is_recorded_anywhere_has_words() -> None:
    recorded = set()
    for room in ("connections", "workflows", "pagerduty_app", "taskjuice"):
        for path in (settings.BASE_DIR / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and "record" in ast.unparse(node.func):
                    constants = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                    recorded |= {one for one in constants if re.fullmatch(r"[a-z_]+\.[a-z_]+", str(one))}

    assert len(recorded) > 20
    assert recorded - dict(labels.known()).keys() == set()


def test_an_export_of_several_parts_has_each_event_once(
    alice: Client, who: People, connection: Connection, monkeypatch: Any, time_machine: Any
) -> None:
    monkeypatch.setattr(pages, "_ROWS_AT_ONCE", 2)
    for day in (1, 1, 1, 2, 2):  # parts end between events of the same moment
        time_machine.move_to(f"2026-11-0{day}T12:00:00Z", tick=False)
        happened(who, "connection.checked", connection)
    expected = list(AuditEvent.objects.values_list("pk", flat=True))

    assert [event.pk for event in pages._in_parts(AuditEvent.objects.all())] == expected
    assert len(rows(alice)) == len(expected) == 5


def test_an_export_that_breaks_off_does_not_look_whole(
    alice: Client, who: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        audit.record(Actor.system(), "connection.started", connection=connect(who.acme, f"C{number}"))
    shown: list[AuditEvent] = []

    def cells(event: AuditEvent) -> list[str]:
        shown.append(event)
        if len(shown) > 1:
            raise OperationalError("the server closed the connection")
        return [event.action]

    monkeypatch.setattr("connections.pages.audit._cells", cells)
    first, last = rows(alice)
    assert first == ["connection.started"]
    assert last[0].startswith("Incomplete")


@pytest.mark.parametrize("asked", [{"until": "9999-12-31"}, {"since": "0001-01-01"}, {"since": "soon"}])
@pytest.mark.parametrize("form", ["", "csv"])
def test_a_day_that_is_none_or_beyond_the_calendar_is_named(
    alice: Client, asked: dict[str, str], form: str
) -> None:
    alice.cookies["zone"] = "Asia/Tokyo"

    answer = alice.get(AUDIT, asked | {"format": form})

    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()


def test_under_a_workspace_it_shows_that_workspace_and_an_empty_one_says_what_is_true(
    alice: Client, who: People
) -> None:
    other = Workspace.objects.create(account=who.agency, name="Globex")
    audit.record(Actor.system(), "connection.started", connection=connect(who.acme, "Here"))

    look_at(alice, who.acme)
    assert "Here" in alice.get(AUDIT).content.decode()
    look_at(alice, other)
    page = alice.get(AUDIT).content.decode()
    assert "Changes in Globex are listed here." in page
    assert "Changes to connections, triggers" not in page
