"""Settings → Data, its API and the admin: who sees how long data is kept, who changes it, what was deleted."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import AuditEvent, User, Workspace
from tests.factories import People, asking
from tests.support.browser import signed_in, text
from workflows.models import RetentionStatement

pytestmark = pytest.mark.django_db
DATA, CHANGE = reverse("data:overview"), reverse("data:change")


def said(workspace: Workspace, day: date, **counts: Any) -> RetentionStatement:
    at = timezone.now()
    fields = {"days": 90, "cutoff": at - timedelta(days=90), "started_at": at, "finished_at": at}
    return RetentionStatement.objects.create(workspace=workspace, day=day, **(fields | counts))


def days_of(who: People) -> int:
    who.agency.refresh_from_db()
    return who.agency.retention_days


@pytest.mark.parametrize("name", ["alice", "dora"])
def test_owner_and_admins_change_how_long_data_is_kept(who: People, name: str) -> None:
    browser = signed_in(getattr(who, name))

    answer = browser.post(CHANGE, {"days": "365"}, follow=True)

    assert days_of(who) == 365
    assert "Saved. Data older than 365 days is deleted." in text(answer)
    event = AuditEvent.objects.get(action="account.retention_changed")
    assert (event.detail, event.account, event.user_id) == (
        {"from": 90, "to": 365},
        who.agency,
        getattr(who, name).pk,
    )
    assert "Data retention changed" in text(browser.get(reverse("connections:audit")))


def test_a_member_sees_it_and_does_not_change_it(who: People) -> None:
    bob = signed_in(who.bob)

    page = bob.get(DATA)

    assert "for 90 days" in text(page)
    assert CHANGE not in page.content.decode()
    assert bob.get(CHANGE).status_code == bob.post(CHANGE, {"days": "365"}).status_code == 403
    assert days_of(who) == 90
    assert not AuditEvent.objects.exists()


def test_fewer_days_want_a_tick(alice: Client, who: People) -> None:
    answer = alice.post(CHANGE, {"days": "30"})

    assert answer.status_code == 400
    assert "data older than 30 days is permanently deleted" in text(answer)
    assert days_of(who) == 90
    assert alice.post(CHANGE, {"days": "30", "sure": "on"}).status_code == 302
    assert days_of(who) == 30


@pytest.mark.parametrize("days", ["6", "3651", "-1", "", "x", "9" * 40, "90.5"])
def test_other_days_are_refused_beside_the_field(alice: Client, who: People, days: str) -> None:
    answer = alice.post(CHANGE, {"days": days, "sure": "on"})

    assert answer.status_code == 400
    assert "days" in answer.context["form"].errors
    assert days_of(who) == 90


def test_the_same_days_again_are_no_change(alice: Client) -> None:
    alice.post(CHANGE, {"days": "90"})

    assert not AuditEvent.objects.exists()


def test_the_page_sums_the_workspaces_that_are_looked_at_and_nobody_elses(alice: Client, who: People) -> None:
    globex = Workspace.objects.create(account=who.agency, name="Globex")
    day = date(2026, 11, 3)
    said(who.acme, day, events=1_200, runs=3)
    said(globex, day, events=34, finished_at=None)
    said(who.other, day, events=777_777)

    page = text(alice.get(DATA))
    assert "3 Nov 2026" in page
    assert "1,234" in page
    assert page.endswith("In progress")
    assert "777,777" not in page

    alice.post(reverse("connections:switch"), {"place": f"workspace:{who.acme.pk}"})
    page = text(alice.get(DATA))
    assert "1,200" in page
    assert not page.endswith("In progress")


def test_a_long_list_is_cut_into_pages_read_with_as_many_queries_as_a_short_one(
    alice: Client, who: People
) -> None:
    said(who.acme, date(2026, 1, 1))

    def queries() -> int:
        with CaptureQueriesContext(database) as seen:
            assert alice.get(DATA).status_code == 200
        return len(seen)

    alice.get(DATA)
    before = queries()
    for number in range(60):
        said(who.acme, date(2026, 2, 1) + timedelta(days=number))

    assert queries() == before
    assert len(alice.get(DATA).context["page"].rows) == 50
    assert "1 Jan 2026" in text(alice.get(f"{DATA}?page=2"))


def test_a_key_reads_the_statements_of_its_workspace(client: Client, who: People) -> None:
    globex = Workspace.objects.create(account=who.agency, name="Globex")
    said(globex, date(2026, 11, 3), events=5)
    said(who.other, date(2026, 11, 3), events=6)
    ours = said(who.acme, date(2026, 11, 3), events=7, runs=1)

    answer = asking(client, who.acme, ["workflows:read"])("get", "retention/")

    assert answer.status_code == 200
    (row,) = answer.json()["results"]
    assert row["id"] == str(ours.pk)
    assert (row["workspace"], row["day"], row["days"]) == (str(who.acme.pk), "2026-11-03", 90)
    assert (row["events"], row["runs"], row["steps"], row["calls"], row["deliveries"], row["replays"]) == (
        *(7, 1, 0),
        *(0, 0, 0),
    )
    refused = asking(client, who.acme, ["triggers:read"])("get", "retention/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")


def test_a_superuser_changes_it_in_the_admin_and_the_agency_reads_so(who: People) -> None:
    browser = signed_in(User.objects.create_superuser("root@taskjuice.example"))
    path = reverse("admin:connections_account_change", args=[who.agency.pk])
    rows = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    answer = browser.post(path, {"name": "Agency", "retention_days": "6"} | rows)
    assert answer.status_code == 200
    assert "greater than or equal to 7" in text(answer)
    assert browser.post(path, {"name": "Agency", "retention_days": "30"} | rows).status_code == 302
    assert browser.post(path, {"name": "Better", "retention_days": "30"} | rows).status_code == 302

    assert days_of(who) == 30
    assert list(AuditEvent.objects.order_by("created_at").values_list("action", "detail")) == [
        ("account.retention_changed", {"from": 90, "to": 30}),
        ("account.renamed", {"from": "Agency", "to": "Better"}),
    ]
    assert "30" in text(browser.get(reverse("admin:connections_account_changelist")))
