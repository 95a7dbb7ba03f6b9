"""Workflows as files: any file becomes a whole draft, or is rejected with the places at fault."""

from collections import Counter
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from connections.models import AuditEvent, Connection
from core.errors import Problem
from tests.factories import People, asking
from tests.fuzz.amounts import amount, examples
from tests.fuzz.figures import Noted
from tests.fuzz.mutations import damaged, mutated, values
from tests.support.browser import signed_in
from tests.workflows.authoring.test_import_export import FILE, STEP
from workflows.authoring import import_export
from workflows.models import Trigger, Workflow, WorkflowVersion

pytestmark = pytest.mark.django_db
OVER_THE_API, AS_FILES = 5_000, 5_000
_ROW = ["trigger.incident.title", "contains", "slow"]
FILES: list[Any] = [
    FILE,
    FILE | {"conditions": {"match": "any", "rows": [_ROW, ["trigger.incident.urgency", "one_of", ["high"]]]}},
    FILE
    | {
        "connections": {
            "main": {"provider": "pagerduty", "label": "A"},
            "b": {"provider": "pagerduty", "label": ""},
        },
        "steps": [
            {**STEP, "on_error": "retry"},
            {
                **STEP,
                "key": "b",
                "connection": "b",
                "only_if": {"match": "all", "rows": [_ROW]},
                "action": "pagerduty/update-incident",
                "input": {
                    "from": "{{ trigger.incident.id | default: 'x' }}",
                    "incident_id": "x",
                    "status": "resolved",
                },
            },
        ],
    },
]


@pytest.fixture
def workspace(who: People) -> Any:
    return who.acme


def _counted() -> list[int]:
    return [rows.objects.count() for rows in (Workflow, WorkflowVersion, AuditEvent)]


def test_any_document_over_the_api_is_a_draft_or_an_error_that_names_places(
    who: People, trigger: Trigger, connection: Connection, noted: Noted
) -> None:
    client = Client(raise_request_exception=False)
    ask, bob = asking(client, who.acme), signed_in(who.bob)
    ended: Counter[int] = Counter()

    @given(
        st.one_of(mutated(FILES, most=3), mutated(FILES, most=1), values),
        st.one_of(st.just({"main": str(connection.pk), "b": str(connection.pk)}), values),
    )
    @examples(OVER_THE_API)
    def bring(document: Any, places: Any) -> None:
        with transaction.atomic():
            before = _counted()
            answer = ask(
                "post",
                "workflows/import/",
                {"workflow": document, "trigger": str(trigger.pk), "connections": places},
            )
            ended[answer.status_code] += 1
            if answer.status_code == 201:
                made = Workflow.objects.get()
                assert (made.status, made.live) == ("draft", None)
                for page in ("edit", "rehearsal", "export"):
                    assert bob.get(reverse(f"workflows:{page}", args=[made.pk])).status_code == 200, page
            else:
                assert answer.status_code == 400
                error = answer.json()["error"]
                assert error.get("fields") or error["code"] == "malformed_json"
                assert _counted() == before
            transaction.set_rollback(True)

    with noted.at_least("documents sent to the importer", amount(OVER_THE_API), ended.total):
        bring()
    noted.exactly(
        "of them neither imported nor refused with their places", 0, ended.total() - ended[201] - ended[400]
    )
    assert ended[201] >= amount(OVER_THE_API) / 100
    assert ended[400] >= amount(OVER_THE_API) / 20


def test_any_file_is_taken_or_refused_on_its_page(who: People, trigger: Trigger, noted: Noted) -> None:
    bob = signed_in(who.bob)
    bob.raise_request_exception = False
    ended: Counter[int] = Counter()

    @given(st.one_of(damaged(FILES), st.binary(max_size=200)))
    @examples(AS_FILES)
    def upload(content: bytes) -> None:
        answer = bob.post(reverse("workflows:import"), {"file": SimpleUploadedFile("x.json", content)})
        ended[answer.status_code] += 1
        assert answer.status_code in (200, 400)
        # That it could be read is asked for here, where it goes to in the next form.
        assert (answer.status_code == 200) == _readable(content)

    with noted.at_least("files uploaded", amount(AS_FILES), ended.total):
        upload()
    noted.exactly("of them answered otherwise than with a page", 0, ended.total() - ended[200] - ended[400])
    assert not Workflow.objects.exists()


def _readable(content: bytes) -> bool:
    try:
        import_export.read(content)
    except Problem as problem:
        places = problem.fields
    else:
        return True
    assert places
    return False
