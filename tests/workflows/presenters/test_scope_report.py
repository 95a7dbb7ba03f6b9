"""A connection's page says in words which actions its grant does not allow."""

import pytest
from django.test import Client

from connections.models import Workspace
from tests.factories import ALL_SCOPES, People, connect
from tests.support.browser import connection_page
from workflows import catalog
from workflows.presenters.scope_report import missing_for


def test_each_missing_scope_names_every_action_that_needs_it(workspace: Workspace) -> None:
    read_only = [scope for scope in ALL_SCOPES if scope not in {"incidents.write", "teams.read"}]
    report = missing_for(connect(workspace, scopes=read_only))

    assert [scope for scope, _, _ in report] == ["incidents.write", "teams.read"]
    actions = catalog.integration("pagerduty").actions.values()
    on_incidents = {action.name for action in actions if "incidents.write" in action.scope.split()}
    assert set(report[0][2]) == on_incidents
    assert {"Create incident", "Create incident note", "Update incident"} < on_incidents


@pytest.mark.parametrize("scopes", [ALL_SCOPES, ["openid", "write"]])
def test_nothing_is_said_of_a_full_grant(who: People, alice: Client, scopes: list[str]) -> None:
    page = alice.get(connection_page(connect(who.acme, scopes=scopes))).content.decode()
    assert "Unavailable actions" not in page


def test_the_page_says_it(who: People, alice: Client) -> None:
    page = alice.get(connection_page(connect(who.acme, scopes=["read"]))).content.decode()
    assert "Unavailable actions" in page
    assert "<b>Create incident</b>" in page
    assert "<b>List incidents</b>" not in page
