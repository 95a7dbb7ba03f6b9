"""Background tasks are shown without what they carry."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.signing import SignedPackage

from tests.connections.admin.staff import page_of


# --- the machinery ---------------------------------------------------------------------------------------------
@pytest.fixture
def tasks(db: None) -> list[Any]:
    """One row of each kind that django-q2 keeps."""
    common = {"func": "workflows.worker.drain", "args": ("secret argument",), "result": "secret result"}
    times = {"started": timezone.now(), "stopped": timezone.now()}
    payload = SignedPackage.dumps({"id": "1", "name": "queued", "func": "x.y", "args": ("secret argument",)})
    return [
        Success.objects.create(id="a" * 32, name="good", success=True, **common, **times),
        Failure.objects.create(id="b" * 32, name="bad", success=False, **common, **times),
        Schedule.objects.create(func="workflows.worker.housekeeping", args="'secret argument'"),
        OrmQ.objects.create(key="taskjuice", payload=payload),
    ]


def test_background_tasks_are_shown_without_what_they_carry_and_run_nothing(
    support: Client, root: Client, tasks: list[Any]
) -> None:
    for browser in (support, root):
        for row in tasks:
            listed = browser.get(reverse(f"admin:django_q_{row._meta.model_name}_changelist"))
            for answer in (listed, browser.get(page_of(row))):
                page = answer.content.decode()
                assert answer.status_code == 200
                assert "secret" not in page
                assert 'name="action"' not in page
            assert browser.post(page_of(row), {}).status_code == 403
            assert browser.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403
            assert browser.get(reverse(f"admin:django_q_{row._meta.model_name}_add")).status_code == 403


def test_a_task_that_cannot_be_read_is_still_listed(support: Client, db: None) -> None:
    OrmQ.objects.create(key="taskjuice", payload="made by another SECRET_KEY")

    assert support.get(reverse("admin:django_q_ormq_changelist")).status_code == 200
