"""What the database itself refuses."""

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models import QuerySet
from django.utils import timezone

from connections.models import AuditEvent, Connection, Grant, Membership, Notice, User, Workspace
from tests.factories import People, connect


def refused(change: object) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        change()  # type: ignore[operator]


def test_an_agency_has_one_owner_and_nobody_twice(who: People) -> None:
    refused(lambda: Membership.objects.filter(user=who.bob).update(role="owner"))
    refused(lambda: Membership.objects.create(account=who.agency, user=who.bob, role="admin"))
    refused(lambda: Membership.objects.filter(user=who.bob).update(role="king"))


def test_an_address_counts_once_whatever_its_case(who: People) -> None:
    refused(lambda: User.objects.create(email=who.alice.email.upper()))


def test_a_workspace_is_named_once_in_its_agency(who: People) -> None:
    refused(lambda: Workspace.objects.create(account=who.agency, name="Acme"))


def test_a_label_counts_once_until_it_is_revoked(who: People) -> None:
    connect(who.acme, "Acme")
    refused(lambda: connect(who.acme, "Acme"))

    Connection.objects.update(status="revoked", revoked_at=timezone.now())
    connect(who.acme, "Acme")


def test_a_live_connection_is_bound_and_a_revoked_one_dated(connection: Connection) -> None:
    rows = Connection.objects.filter(pk=connection.pk)
    refused(lambda: rows.update(external_account_id=""))
    refused(lambda: rows.update(authorised_at=None))
    refused(lambda: rows.update(status="revoked"))
    refused(lambda: rows.update(revoked_at=timezone.now()))
    refused(lambda: rows.update(status="happy"))


def test_a_connection_has_one_grant(connection: Connection) -> None:
    refused(lambda: Grant.objects.create(connection=connection))


def test_a_notice_counts_once_for_its_occasion(connection: Connection) -> None:
    Notice.objects.create(connection=connection, kind="k", occasion="o")
    refused(lambda: Notice.objects.create(connection=connection, kind="k", occasion="o"))


def test_an_audit_event_is_neither_changed_nor_deleted(connection: Connection, who: People) -> None:
    event = AuditEvent.objects.create(
        account=who.agency, connection=connection, actor_kind="system", actor_label="x", action="x"
    )
    unguarded: QuerySet[AuditEvent] = QuerySet(AuditEvent)
    for act in (lambda: unguarded.update(action="y"), event.save, unguarded.delete):
        refused(act)
    for act in (
        lambda: AuditEvent.objects.update(action="y"),
        lambda: AuditEvent.objects.bulk_update([event], ["action"]),
        AuditEvent.objects.all().delete,
        connection.audit_events.all().delete,
        event.delete,
    ):
        with pytest.raises(TypeError):
            act()
    assert AuditEvent.objects.get().action == "x"


def test_the_audit_is_not_emptied_either(connection: Connection, who: People) -> None:
    """SQLite has no TRUNCATE; its DELETE without a condition is one, unless a trigger stands in the way."""
    AuditEvent.objects.create(account=who.agency, actor_kind="system", actor_label="x", action="x")
    truncate = database.vendor == "postgresql"
    if truncate:  # what the row's own constraints have still to check would refuse it as well
        database.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE")
    acts = [f"TRUNCATE {table} CASCADE" for table in ("connections_auditevent", "connections_account")]
    for act in acts if truncate else ["DELETE FROM connections_auditevent"]:
        refused(lambda act=act: database.cursor().execute(act))
    assert AuditEvent.objects.filter(action="x").exists()


def test_what_happened_keeps_its_connection_and_its_account(connection: Connection, who: People) -> None:
    AuditEvent.objects.create(
        account=who.agency, connection=connection, actor_kind="system", actor_label="x", action="x"
    )
    for row in (connection, who.acme, who.agency):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.delete()
