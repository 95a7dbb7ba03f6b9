"""What superusers change is in the audit of the agency."""

from django.test import Client

from connections.models import Account, AuditEvent, Membership, Workspace
from tests.connections.admin.staff import act, page_of
from tests.factories import People


# --- what superusers change ------------------------------------------------------------------------------------
def test_what_a_superuser_changes_is_in_the_agencys_audit(root: Client, who: People) -> None:
    bob = Membership.objects.get(user=who.bob)

    root.post(page_of(who.agency), {"name": "Renamed", "retention_days": "90", **empty_inline()})
    root.post(page_of(who.acme), {"name": "Acme Ltd"})
    root.post(page_of(bob), {"role": "admin"})
    root.post(page_of(who.bob), {"email": who.bob.email, "is_active": "on", "is_staff": "on"})

    found = AuditEvent.objects.filter(account=who.agency).order_by("created_at")
    assert [(event.action, event.detail) for event in found] == [
        ("account.renamed", {"from": "Agency", "to": "Renamed"}),
        ("workspace.renamed", {"from": "Acme", "to": "Acme Ltd"}),
        ("person.role_changed", {"who": who.bob.email, "from": "member", "to": "admin"}),
        ("person.changed", {"who": who.bob.email, "fields": ["is_staff"]}),
    ]
    assert {event.actor_kind for event in found} == {"support"}
    who.bob.refresh_from_db()
    bob.refresh_from_db()
    assert (who.bob.is_staff, bob.role) == (True, "admin")


def test_saving_without_a_change_is_no_act(root: Client, who: People) -> None:
    root.post(page_of(who.acme), {"name": who.acme.name})

    assert not AuditEvent.objects.exists()


def test_what_a_superuser_adds_and_removes_is_in_the_audit(root: Client, who: People) -> None:
    root.post("/admin/connections/workspace/add/", {"name": "New", "account": str(who.agency.pk)})
    person = {"user": str(who.charlie.pk), "account": str(who.agency.pk), "role": "member"}
    root.post("/admin/connections/membership/add/", person)
    added = Membership.objects.get(user=who.charlie, account=who.agency)
    root.post(page_of(added, "delete"), {"post": "yes"})

    assert Workspace.objects.filter(account=who.agency, name="New").exists()
    assert not Membership.objects.filter(pk=added.pk).exists()
    acts = AuditEvent.objects.filter(account=who.agency).order_by("created_at")
    assert [event.action for event in acts] == ["workspace.created", "person.added", "person.removed"]


def test_an_account_keeps_its_owner_and_a_workspace_its_account(root: Client, who: People) -> None:
    owner = Membership.objects.get(user=who.alice)
    rival = Account.objects.get(name="Rival")

    assert root.post(page_of(owner, "delete"), {"post": "yes"}).status_code == 403
    act(root, "/admin/connections/membership/", "delete_selected", owner, post="yes")
    root.post(page_of(who.acme), {"name": "Acme", "account": str(rival.pk)})

    assert Membership.objects.filter(pk=owner.pk).exists()
    assert Workspace.objects.get(pk=who.acme.pk).account == who.agency


def test_accounts_workspaces_and_people_are_not_deleted(root: Client, who: People) -> None:
    for row in (who.agency, who.acme, who.bob):
        assert root.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403


def empty_inline() -> dict[str, str]:
    names = ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
    return {f"memberships-{name}": "0" for name in names}
