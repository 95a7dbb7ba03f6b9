"""How long a message waits, and what follows it."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from connections.models import Workspace
from core.errors import Problem
from tests.factories import SYSTEM
from tests.support.http_sinks import Sink
from tests.support.present import present
from tests.workflows.outgoing.delivery.sending import all_due, arrive, days_pass, send_all, subscribe, titles
from workflows import worker
from workflows.models import HookDelivery, Trigger
from workflows.outgoing import endpoints, retry_schedule, sender

pytestmark = pytest.mark.django_db


def test_the_schedule_takes_at_least_76_hours_with_jitter() -> None:
    for seed in range(50):
        random.seed(seed)
        passed, attempt = timedelta(), 1
        while wait := retry_schedule.wait_after(attempt, passed):
            passed, attempt = passed + wait, attempt + 1
        assert attempt == retry_schedule.MAX_ATTEMPTS
        assert timedelta(hours=76) < passed < timedelta(hours=76 * 1.3)
    assert len({retry_schedule.wait_after(5, timedelta(hours=8)) for _ in range(20)}) > 1


def test_after_the_schedule_a_dead_letter_lets_its_lane_go_on_and_is_replayed_by_one_act(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    arrive(trigger, "PA", 0)
    arrive(trigger, "PA", 1)
    for number in range(retry_schedule.MAX_ATTEMPTS):
        if number == retry_schedule.MAX_ATTEMPTS - 1:
            days_pass()
        all_due()
        sender.send_due(budget=0.05)
    first, second = HookDelivery.objects.order_by("seq")
    assert (first.status, first.attempts, len(first.tries)) == ("dead", 10, 10)
    assert second.status == "waiting"

    server.mode = "well"
    all_due()
    send_all()
    assert titles(server, "PA") == ["PA 1"]

    endpoints.replay_one(actor=SYSTEM, delivery=first)
    send_all()
    assert titles(server, "PA") == ["PA 1", "PA 0"]
    with pytest.raises(Problem):
        endpoints.replay_one(actor=SYSTEM, delivery=first)


def test_a_message_that_alone_is_refused_is_neither_tried_at_each_success_nor_given_up_early(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.poison = "PBAD"
    arrive(trigger, "PBAD", 0)
    worker.send_hooks()
    bad = HookDelivery.objects.get()
    for number in range(5):
        arrive(trigger, f"P{number}", 0)
        worker.send_hooks()
    assert server.asked.count(str(bad.id)) == 1

    for _ in range(15):
        all_due()
        sender.send_due(budget=0.05)
    bad.refresh_from_db()
    assert (bad.status, bad.attempts) == ("waiting", 16)
    assert present(bad.next_attempt_at) > timezone.now() + timedelta(hours=25)


def test_what_waits_follows_at_once_when_the_sink_is_well_again(
    workspace: Workspace, trigger: Trigger, server: Sink
) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    for number in range(4):
        arrive(trigger, f"P{number}", 0)
    worker.send_hooks()
    days_pass()
    HookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=9))

    server.mode = "well"
    arrive(trigger, "PNEW", 0)
    send_all()

    assert not HookDelivery.objects.exclude(status="delivered").exists()


def test_each_wait_is_the_schedules(workspace: Workspace, trigger: Trigger, server: Sink) -> None:
    subscribe(workspace, server.url)
    server.mode = "fails"
    arrive(trigger, "PA", 0)
    worker.send_hooks()
    row = HookDelivery.objects.get()
    assert timedelta(seconds=3) < present(row.next_attempt_at) - timezone.now() < timedelta(seconds=7)
    assert worker.send_hooks() == 0
