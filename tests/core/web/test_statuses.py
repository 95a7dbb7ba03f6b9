"""One table has a word and a tone for each status that a page can show."""

import pytest
from django.template import Context, Template

from connections.extension_points.health import Health
from core.web import statuses
from workflows.models import ActionCall, Hook, HookDelivery, Run, Workflow


def render(source: str, **context: object) -> str:
    return Template("{% load shapes %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("run", Run.Status.values),
        ("run", ActionCall.Status.values),
        ("endpoint", Hook.Status.values),
        ("delivery", HookDelivery.Status.values),
        ("workflow", Workflow.Status.values),
    ],
)
def test_every_status_of_a_model_has_a_badge(kind: str, values: list[str]) -> None:
    for value in values:
        assert statuses.find(kind, value).tone in {"good", "warn", "bad", "off"}


def test_words_are_in_sentence_case() -> None:
    words = [status.words for kind in statuses.STATUSES.values() for status in kind.values()]

    assert [one for one in words if one != one[0].upper() + one[1:] or one.endswith(".")] == []


def test_a_status_with_a_reason_of_its_own() -> None:
    run = Run(status="paused", pause_reason="safety")
    by_hand = Run(status="paused", pause_reason="person")
    source = '{% badge run.status of="run" reason=run.pause_reason %}'

    assert render(source, run=run) == '<span class="badge warn">Paused (safety limit)</span>'
    assert render(source, run=by_hand) == '<span class="badge warn">Paused</span>'


def test_a_verdict_of_health_brings_its_reason_and_escapes_it() -> None:
    health = Health.known("connection", "failing", 'It said "no" <b>')

    assert render("{% badge health %}", health=health) == (
        '<span class="badge bad" title="It said &quot;no&quot; &lt;b&gt;">Failing</span>'
    )


def test_a_note_and_another_tone() -> None:
    assert render('{% badge "replay" of="mark" note=3 %}') == '<span class="badge off">Replay 3</span>'
    assert render('{% badge "by_hand" of="webhook" tone="bad" %}') == '<span class="badge bad">Manual</span>'
