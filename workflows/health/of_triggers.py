"""The health of triggers, as their page shows it (trigger_health)."""

from typing import Any

from connections.extension_points.health import Health
from workflows.models import Trigger
from workflows.triggers import health


def judge(rows: list[Trigger]) -> dict[Any, Health]:
    """One query."""
    facts = health.with_facts(Trigger.objects.filter(pk__in=[row.pk for row in rows]))
    return {row.pk: _of(row) for row in facts}


def _of(trigger: Any) -> Health:
    found = health.of(trigger)
    worst = next((one for one in found.concerns if one.tone in ("error", "warning")), None)
    words = found.state.words
    if worst is None:
        return Health(found.state.key, words, found.state.tone, at=found.last_delivery)
    tone = "bad" if worst.tone == "error" else "warn"
    tone = found.state.tone if found.state.tone == "bad" else tone
    return Health(found.state.key, words, tone, worst.words, found.last_delivery)
