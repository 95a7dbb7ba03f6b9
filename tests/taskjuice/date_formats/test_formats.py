"""One format of dates: pages by `moment`, and Django's own formatting, above all in the admin, by settings."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import formats, timezone

from tests.factories import people

AT = datetime(2025, 11, 29, 17, 58, tzinfo=UTC)


def render(source: str, **context: Any) -> str:
    return Template("{% load times %}" + source).render(Context(context))


def test_django_and_moment_write_the_same() -> None:
    assert render("{{ at }}", at=AT) == "29 Nov 2025, 17:58 UTC"
    assert render("{{ day }}", day=date(2025, 11, 29)) == "29 Nov 2025"
    assert formats.localize(AT.time()) == "17:58"
    assert "29 Nov 2025, 17:58 UTC</time>" in render("{% moment at %}", at=AT)


def test_a_moment_without_markup_in_the_readers_zone() -> None:
    assert render("{{ at|plain_moment }}", at=AT) == "29 Nov 2025, 17:58 UTC"
    with timezone.override("Europe/Berlin"):
        assert render("{{ at|plain_moment }}", at=AT) == "29 Nov 2025, 18:58"


def test_what_people_type_is_read_as_before() -> None:
    assert formats.get_format("DATETIME_INPUT_FORMATS")[0] == "%Y-%m-%d %H:%M:%S"
    assert formats.get_format("DATE_INPUT_FORMATS")[0] == "%Y-%m-%d"
    assert formats.get_format("THOUSAND_SEPARATOR") == ","


@pytest.mark.django_db
def test_the_admin_writes_the_same(admin_client: Any) -> None:
    who = people()
    type(who.acme).objects.filter(pk=who.acme.pk).update(created_at=AT)

    page = admin_client.get("/admin/connections/workspace/").content.decode()

    assert "29 Nov 2025, 17:58" in page
    assert "p.m." not in page
