"""Text that people type compares alike however its accents and case are spelled, and in bounded time."""

import unicodedata

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Workspace
from core.text.folding import compose, fold
from pagerduty_app.triggers.filters import unwanted
from tests.factories import People
from tests.support.browser import signed_in
from tests.support.processor_time import processor_seconds
from workflows.calls.lookups import Choices
from workflows.catalog import Option
from workflows.expressions import globs
from workflows.inbox import redaction

COMPOSED, DECOMPOSED = "Caf\u00e9", "Cafe\u0301"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (COMPOSED, DECOMPOSED),
        ("CAF\u00c9", DECOMPOSED),
        ("Stra\u00dfe", "STRASSE"),
        ("\ud55c\uae00", unicodedata.normalize("NFD", "\ud55c\uae00")),
        ("\u1eadn", "a\u0302\u0323N"),
        ("x" * 2000 + COMPOSED, "X" * 2000 + DECOMPOSED),
    ],
)
def test_what_looks_the_same_is_folded_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_what_looks_different_stays_different() -> None:
    assert fold(COMPOSED) != fold("Cafe")
    assert fold("\u0131") != fold("i")


@pytest.mark.parametrize("spacing", range(495, 505))
def test_composing_piece_by_piece_is_composing(spacing: int) -> None:
    text = ("a" * spacing + "e\u0301\u0323" + "\u1112\u1161\u11ab" + "\u0b47\u0b3e") * 3

    assert compose(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "text",
    ["a" + "\u0301\u0327" * 15_000, "\u0327" * 30_000, "\u1161" * 30_000],
    ids=["two marks in turn", "one mark", "vowels"],
)
def test_marks_without_end_take_no_time_without_end(text: str) -> None:
    assert processor_seconds(lambda: fold(text)) < 0.2, "normalised as a whole it is 0.7 seconds"


def test_patterns_choices_filters_and_redaction_fold_as_well() -> None:
    assert globs.matches(f"{DECOMPOSED} is down", f"{COMPOSED}*")
    assert Choices([Option(COMPOSED, "")], complete=True).spelt(DECOMPOSED.upper()) == COMPOSED
    delivery = {"event": {"data": {"priority": {"summary": DECOMPOSED}}}}
    assert unwanted({"priorities": [COMPOSED]}, delivery, delivery) == ""
    body = f'{{"{DECOMPOSED}": "secret"}}'.encode()
    assert b"secret" not in redaction.redacted(body, [COMPOSED])
    assert redaction.checked([DECOMPOSED], {}) == [COMPOSED]


@pytest.mark.django_db
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED, "caf\u00e9", "CAF\u00c9", "afe\u0301"])
@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
def test_a_search_finds_a_name_however_it_is_spelled(who: People, typed: str, stored: str) -> None:
    Workspace.objects.create(account=who.agency, name=stored)
    browser: Client = signed_in(who.alice)

    page = browser.get(reverse("connections:workspaces"), {"q": typed})

    assert [row.name for row in page.context["page"].rows] == [stored]
