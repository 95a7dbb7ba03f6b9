"""Odd parameters, requested of every page of the admin: a redirect or a 404, never a fault, on both databases."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from connections.admin.shared.scoped import Page
from core.text.json_sanitize import is_storable, storable
from tests.scenarios.test_admin_routes import admitted
from tests.world import World

pytestmark = pytest.mark.slow

NO_IDS = ["x", "\0", "9" * 30, "-" + "9" * 30, "1\0", "00000000-0000-0000-0000-00000000000g", "1.5"]
VALUES = ["a\0b", "-1", "9" * 40, "2026-13-45"]


@pytest.fixture
def there(world_made_once: World, db: None) -> World:
    return world_made_once


@pytest.fixture
def staff(there: World) -> Client:
    client = Client()
    person = admitted(there.who.alice, "Support")
    person.is_staff = person.is_superuser = True
    person.save()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


PAGES = {str(page.opts): page for page in admin.site._registry.values() if isinstance(page, Page)}


def address(page: Page, view: str = "changelist", *args: str) -> str:
    return reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_{view}", args=args)


@pytest.mark.parametrize("name", PAGES)
def test_no_filter_breaks_a_list(staff: Client, name: str) -> None:
    page = PAGES[name]
    for lookup in {*page._lookups(), "q", "o", "p", "x\0y"}:
        for value in VALUES:
            assert staff.get(address(page), {lookup: value}).status_code in (200, 302, 400), (lookup, value)


@pytest.mark.parametrize("name", PAGES)
def test_no_id_breaks_the_page_of_a_row(staff: Client, name: str) -> None:
    for text in NO_IDS:
        for view in ("change", "history", "delete"):
            status = staff.get(address(PAGES[name], view, text)).status_code
            assert status in (302, 403, 404), (view, text)


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if page.actions])
def test_an_action_on_an_id_that_is_none_does_nothing_and_says_so(staff: Client, name: str) -> None:
    page = PAGES[name]
    for action in page.actions or ():
        for text in NO_IDS:
            chosen = {"action": action, "_selected_action": [text]}
            answer = staff.post(address(page), chosen, follow=True)
            assert answer.status_code == 200
            assert "do not exist" in answer.content.decode(), (action, text)


@pytest.mark.parametrize(
    ("value", "storing"),
    [
        ("\\u0000", True),
        ("a \\\\u0000 b", True),
        ("C:\\u0000\\new", True),
        ("\0", False),
        ("\\\0", False),
        ("\\\\\0", False),
        ({"\\u0000": ["\\u0000"]}, True),
        ({"\0": 1}, False),
    ],
)
def test_six_characters_that_look_like_a_nul_are_text(value: Any, storing: bool) -> None:
    assert is_storable(value) is storing
    assert (storable(value) == value) is storing
