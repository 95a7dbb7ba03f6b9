"""The health of a trigger: its state in words, and the facts for workflows.triggers.warnings."""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    IntegerField,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce, Greatest

from core.db.latest_per_group import newest_of
from core.web import statuses
from workflows.models import (
    Deadline,
    Event,
    HeldDelivery,
    Subscription,
    Trigger,
    TriggerSecret,
    TurnedAway,
    Watch,
)
from workflows.subscriptions import event_types
from workflows.triggers.warnings import Concern, concerns_of


@dataclass(frozen=True)
class State:
    """key: for programs, and of the word and the tone for the badge."""

    key: str

    @property
    def words(self) -> str:
        return statuses.find("trigger", self.key).words

    @property
    def tone(self) -> str:
        return statuses.find("trigger", self.key).tone


WAITING = State("waiting")
NO_SECRET = State("no_secret")
UNCONFIRMED = State("unconfirmed")
LIVE = State("live")
PAUSED = State("paused")
CLOSED = State("closed")
# Of polled triggers, which have neither secrets nor anything to confirm.
FIRST_LOOK = State("first_look")
NO_ANSWER = State("no_answer")


@dataclass(frozen=True)
class Health:
    """refused: deliveries refused since the last accepted one and since the newest secret, as far as counted.

    refused_before: those refused since the last accepted one, but before the newest secret was added. They say nothing
    about that secret; the provider may have disabled the webhook over them.
    """

    state: State
    last_delivery: Any
    held: int
    refused: int
    refused_before: int
    concerns: list[Concern]


def with_facts(triggers: QuerySet[Trigger]) -> QuerySet[Trigger]:
    """`triggers` with what `of` reads, in one query however many there are; each look-up goes by an index.

    A repeat is answered like a first delivery, so it ends a row of refusals as well.
    """
    secrets = TriggerSecret.objects.filter(trigger=OuterRef("pk"))
    delivered = Event.objects.filter(is_test=False).exclude(source__in=[Event.RECOVERED, Event.DEADLINE])
    events = newest_of(delivered, "trigger_id")
    turned_away = TurnedAway.objects.filter(trigger=OuterRef("pk"))
    newest_secret = secrets.filter(retired_at__isnull=True).order_by("-created_at").values("created_at")[:1]
    webhooks = Subscription.objects.filter(trigger=OuterRef("pk"), status="on")
    repeats = turned_away.filter(verdict=TurnedAway.Verdict.DUPLICATE).order_by("-last_at")
    held = HeldDelivery.objects.filter(trigger=OuterRef("pk")).order_by().values("trigger")
    deadlines = Deadline.objects.open().filter(trigger=OuterRef("pk"))
    failing = deadlines.filter(trouble__isnull=False).order_by("trouble_since")
    last_possible = deadlines.order_by("due_at").values("pk")[Deadline.MOST - 1 : Deadline.MOST]
    return (
        triggers.select_related("watch", "connection")
        .annotate(
            has_secret=Exists(secrets.filter(retired_at__isnull=True)),
            has_webhook=Exists(webhooks),
            webhook_off=Exists(webhooks.filter(trouble="inactive")),
            types_refused=Subquery(webhooks.filter(error__code=event_types.REFUSED).values("error")[:1]),
            had_secret=Exists(secrets),
            last_event=Subquery(events.values("received_at")[:1], output_field=DateTimeField()),
            last_repeat=Subquery(repeats.values("last_at")[:1], output_field=DateTimeField()),
            held_count=Subquery(held.annotate(all=Count("id")).values("all"), output_field=IntegerField()),
            held_since=Subquery(
                held.annotate(first=Min("received_at")).values("first"), output_field=DateTimeField()
            ),
            deadline_trouble=Subquery(failing.values("trouble")[:1]),
            deadlines_full=Exists(last_possible),
            taken_at=Greatest(Coalesce("last_event", "created_at"), Coalesce("last_repeat", "created_at")),
            secret_at=Coalesce(
                Subquery(newest_secret, output_field=DateTimeField()),
                "created_at",
                output_field=DateTimeField(),
            ),
        )
        .annotate(
            refused=_refusals_since(Greatest(OuterRef("taken_at"), OuterRef("secret_at"))),
            refused_in_all=_refusals_since(OuterRef("taken_at")),
        )
    )


def _refusals_since(since: Any) -> Subquery:
    refused = TurnedAway.objects.filter(
        trigger=OuterRef("pk"), verdict=TurnedAway.Verdict.REFUSED, last_at__gt=since
    )
    counted = refused.order_by().values("trigger").annotate(all=Sum("count")).values("all")
    return Subquery(counted, output_field=IntegerField())


def of(trigger: Any) -> Health:
    """The health of a row of `with_facts`."""
    times = [at for at in (trigger.last_event, trigger.last_repeat) if at is not None]
    last_delivery = max(times) if times else None
    held, refused = trigger.held_count or 0, trigger.refused or 0
    before = (trigger.refused_in_all or 0) - refused
    state = state_of(trigger)
    quiet_since = (
        (last_delivery or trigger.confirmed_at) if state == LIVE and watch_of(trigger) is None else None
    )
    return Health(
        state=state,
        last_delivery=last_delivery,
        held=held,
        refused=refused,
        refused_before=before,
        concerns=concerns_of(
            trigger, held=held, refused=refused, refused_before=before, quiet_since=quiet_since
        ),
    )


def watch_of(trigger: Any) -> Watch | None:
    """The watch of a polled trigger; None for others."""
    return getattr(trigger, "watch", None)


def state_of(trigger: Any) -> State:
    """The state of a row of `with_facts`."""
    if trigger.status != Trigger.Status.ACTIVE:
        return CLOSED if trigger.status == Trigger.Status.CLOSED else PAUSED
    if watch := watch_of(trigger):
        if watch.trouble:
            return NO_ANSWER
        return LIVE if watch.looked_at else FIRST_LOOK
    if not trigger.has_secret:
        return NO_SECRET if trigger.had_secret else WAITING
    return LIVE if trigger.confirmed_at else UNCONFIRMED
