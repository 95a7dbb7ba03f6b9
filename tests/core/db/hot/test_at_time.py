"""Queries composed once find what their querysets find, at each time that they are asked."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from connections.models import Connection
from core.db import clock
from core.db.hot.at_time import AtTime, which_find
from tests.core.db.hot.test_same_rows import call_of
from workflows.models import ActionCall, Watch

pytestmark = pytest.mark.django_db
DUE = AtTime(lambda now: ActionCall.objects.due(now).values_list("attempts"))
QUERIES = {"calls": DUE, "watches": AtTime(lambda now: Watch.objects.due(now).values_list("failures"))}


def test_it_finds_what_its_queryset_finds_at_any_time(connection: Connection) -> None:
    now = clock.now()
    for number, minutes in enumerate((-2, 0, 2)):
        at = now + timedelta(minutes=minutes)
        call_of(connection, number + 1, next_attempt_at=at, attempts=number, origin="api").save()

    for minutes in (-3, -1, 1, 3):
        at = now + timedelta(minutes=minutes)
        assert sorted(DUE.rows(at)) == sorted(ActionCall.objects.due(at).values_list("attempts"))
    assert len(DUE.rows(now + timedelta(minutes=3))) == 3


def test_which_of_several_find_anything_is_one_statement(connection: Connection) -> None:
    now = clock.now()
    assert which_find(QUERIES, now) == []
    call_of(connection, 1, next_attempt_at=now, origin="api").save()

    with CaptureQueriesContext(database) as asked:
        assert which_find(QUERIES, now + timedelta(seconds=1)) == ["calls"]
    assert len(asked) == 1
