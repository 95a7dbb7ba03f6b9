"""What is said of a trigger before deliveries are lost: refused ones, held ones, silence."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from tests.factories import SECRET, SYSTEM, incident_event
from workflows.inbox import secrets
from workflows.models import HeldDelivery, Trigger
from workflows.triggers import health as trigger_health
from workflows.triggers import lifecycle, setup_guide
from workflows.triggers.health import Health

pytestmark = pytest.mark.django_db
KEY = "pagerduty/incident-triggered"


def health(trigger: Trigger) -> Health:
    return trigger_health.of(trigger_health.with_facts(Trigger.objects.filter(pk=trigger.pk)).get())


def words(trigger: Trigger) -> str:
    return " ".join(f"[{concern.tone}] {concern.words}" for concern in health(trigger).concerns)


def refuse(deliver: Any, trigger: Trigger, times: int = 1) -> None:
    for _ in range(times):
        assert deliver(incident_event(), to=trigger, secret="wrong secret").status_code == 401


@pytest.fixture
def new(connection: Connection) -> Trigger:
    return lifecycle.create(actor=SYSTEM, connection=connection, key=KEY, name="Not set up yet")


def hold(trigger: Trigger, count: int = 1, age: timedelta = timedelta()) -> None:
    HeldDelivery.objects.bulk_create(
        HeldDelivery(trigger=trigger, body=b"{}", signature="v1=0", received_at=timezone.now() - age)
        for _ in range(count)
    )


def test_the_states_from_new_to_deleted(new: Trigger, deliver: Any) -> None:
    assert health(new).state == trigger_health.WAITING

    secret, _ = secrets.add_secret(actor=SYSTEM, trigger=new, secret=SECRET)
    assert health(new).state == trigger_health.UNCONFIRMED

    deliver(incident_event(), to=new)
    assert health(new).state == trigger_health.LIVE
    assert health(new).last_delivery is not None

    lifecycle.change(actor=SYSTEM, trigger=new, changes={"status": "paused"})
    assert health(new).state == trigger_health.PAUSED

    lifecycle.change(actor=SYSTEM, trigger=new, changes={"status": "active"})
    secrets.retire_secret(actor=SYSTEM, secret=secret)
    assert health(new).state == trigger_health.NO_SECRET

    Trigger.objects.update(status="closed")
    assert health(new).state == trigger_health.CLOSED
    assert health(new).concerns == []


class TestRefused:
    def test_none_is_no_concern(self, trigger: Trigger, deliver: Any) -> None:
        deliver(incident_event())

        assert words(trigger) == ""

    @pytest.mark.parametrize("times", [1, 2])
    def test_up_to_two_warn_with_their_number(self, trigger: Trigger, deliver: Any, times: int) -> None:
        refuse(deliver, trigger, times)

        assert words(trigger) == (
            f"[warning] PagerDuty disables this webhook after 3 rejected deliveries in a row: {times} so far."
            " Check the secret."
        )
        assert health(trigger).concerns[0].short == f"{times} rejected"

    @pytest.mark.parametrize("times", [3, 4])
    def test_from_three_on_it_is_probably_disabled(self, trigger: Trigger, deliver: Any, times: int) -> None:
        refuse(deliver, trigger, times)

        assert "[error] PagerDuty has probably disabled this webhook" in words(trigger)
        assert f"{times} were rejected" in words(trigger)
        assert "re-enable it in PagerDuty under the webhook, then send a test event" in words(trigger)

    def test_a_good_delivery_ends_the_row(self, trigger: Trigger, deliver: Any, time_machine: Any) -> None:
        time_machine.move_to("2031-11-02T10:00:00Z", tick=False)
        refuse(deliver, trigger, 3)
        time_machine.shift(timedelta(seconds=1))
        event = incident_event()
        deliver(event)

        assert words(trigger) == ""

        time_machine.shift(timedelta(minutes=1))
        refuse(deliver, trigger)
        assert "1 so far" in words(trigger)

        time_machine.shift(timedelta(seconds=1))
        assert deliver(event).json() == {"status": "duplicate"}
        assert words(trigger) == "", "a repeat is answered like a first delivery"

    def test_a_test_event_of_ours_ends_nothing(self, trigger: Trigger, deliver: Any) -> None:
        refuse(deliver, trigger, 2)

        lifecycle.send_test(actor=SYSTEM, trigger=trigger)

        assert "2 so far" in words(trigger)
        assert health(trigger).last_delivery is None

    def test_without_any_secret_left_it_is_said_before_anything_is_refused(self, trigger: Trigger) -> None:
        secrets.retire_secret(actor=SYSTEM, secret=trigger.secrets.get())

        assert "[error] This trigger has no signing secret" in words(trigger)


class TestAnEarlierSecret:
    """What an earlier secret refused is not held against the newest one."""

    @pytest.mark.parametrize("pause", [0.0, 20.0, 90.0])
    def test_the_right_secret_after_a_wrong_one_is_not_accused(
        self, new: Trigger, deliver: Any, time_machine: Any, pause: float
    ) -> None:
        time_machine.move_to("2031-11-02T10:00:01Z", tick=False)
        secrets.add_secret(actor=SYSTEM, trigger=new, secret="a wrong secret")
        time_machine.shift(timedelta(seconds=1))
        refuse(deliver, new, 2)
        assert steps(new)[2] == "bad"

        time_machine.shift(timedelta(seconds=pause))
        secrets.add_secret(actor=SYSTEM, trigger=new, secret=SECRET)

        assert steps(new) == ["done", "done", "done", "now", "later"]
        assert health(new).refused == 0
        assert words(new) == ""

    def test_refusals_of_the_same_minute_are_counted_apart(
        self, new: Trigger, deliver: Any, time_machine: Any
    ) -> None:
        time_machine.move_to("2031-11-02T10:00:01Z", tick=False)
        secrets.add_secret(actor=SYSTEM, trigger=new, secret="a wrong secret")
        time_machine.shift(timedelta(seconds=1))
        refuse(deliver, new, 2)
        time_machine.shift(timedelta(seconds=1))
        secrets.add_secret(actor=SYSTEM, trigger=new, secret="another wrong secret")
        time_machine.shift(timedelta(seconds=1))
        refuse(deliver, new, 1)

        assert (health(new).refused, health(new).refused_before) == (1, 2)
        assert steps(new)[2] == "bad"

    def test_it_says_that_the_webhook_may_be_disabled_over_them(
        self, new: Trigger, deliver: Any, time_machine: Any
    ) -> None:
        time_machine.move_to("2031-11-02T10:00:01Z", tick=False)
        secrets.add_secret(actor=SYSTEM, trigger=new, secret="a wrong secret")
        time_machine.shift(timedelta(seconds=1))
        refuse(deliver, new, 3)
        time_machine.shift(timedelta(seconds=1))
        secrets.add_secret(actor=SYSTEM, trigger=new, secret=SECRET)

        assert words(new).startswith("[warning] 3 deliveries were rejected before the newest signing secret")
        assert "re-enable the webhook in PagerDuty" in words(new)
        assert steps(new)[2] == "done", "the secret is not accused"

        time_machine.shift(timedelta(seconds=1))
        deliver(incident_event(), to=new)
        assert words(new) == ""


class TestHeld:
    def test_a_few_fresh_ones_are_no_concern(self, new: Trigger) -> None:
        hold(new, 399)

        assert health(new).held == 399
        assert words(new) == ""

    def test_close_to_the_bound_it_says_how_much_room_there_is(self, new: Trigger) -> None:
        hold(new, 400)

        assert "[warning] 400 deliveries are waiting for the signing secret; the limit is 500." in words(new)

    def test_before_they_are_thrown_away_it_says_when(self, new: Trigger) -> None:
        hold(new, age=timedelta(days=5, minutes=1))

        assert "[warning] Deliveries have been waiting for the signing secret for more than 5 days" in words(
            new
        )
        assert "after 7 days they are discarded" in words(new)


class TestSilence:
    @pytest.mark.parametrize(("days", "said"), [(6.9, False), (7.1, True)])
    def test_a_week_without_any_delivery_is_a_hint(
        self, trigger: Trigger, deliver: Any, time_machine: Any, days: float, said: bool
    ) -> None:
        time_machine.move_to("2031-11-02T10:00:00Z", tick=False)
        deliver(incident_event())

        time_machine.shift(timedelta(days=days))

        assert ("[hint] Nothing has arrived for more than 7 days." in words(trigger)) is said

    def test_what_was_never_confirmed_or_is_paused_may_be_silent(
        self, trigger: Trigger, deliver: Any, time_machine: Any
    ) -> None:
        time_machine.move_to("2031-11-02T10:00:00Z", tick=False)
        never = lifecycle.create(actor=SYSTEM, connection=trigger.connection, key=KEY, name="")
        deliver(incident_event())
        lifecycle.change(actor=SYSTEM, trigger=trigger, changes={"status": "paused"})

        time_machine.shift(timedelta(days=60))

        assert words(trigger) == words(never) == ""


def steps(trigger: Trigger) -> list[str]:
    row = trigger_health.with_facts(Trigger.objects.filter(pk=trigger.pk)).get()
    return [step.state for step in setup_guide.guide(row, trigger_health.of(row)).steps]


def test_the_guide_ticks_its_steps_off(new: Trigger, deliver: Any) -> None:
    assert steps(new) == ["now", "now", "later", "later", "later"]

    deliver(incident_event(), to=new)
    assert steps(new) == ["done", "done", "now", "later", "later"]

    secrets.add_secret(actor=SYSTEM, trigger=new, secret="a wrong secret")
    assert steps(new) == ["done", "done", "bad", "later", "later"]

    secrets.add_secret(actor=SYSTEM, trigger=new, secret=SECRET)
    assert steps(new) == ["done", "done", "done", "done", "now"]


def test_the_guide_waits_for_the_first_delivery_when_the_secret_came_first(new: Trigger) -> None:
    secrets.add_secret(actor=SYSTEM, trigger=new, secret=SECRET)

    assert steps(new) == ["done", "done", "done", "now", "later"]
