"""Coming back: signing in again, and parts of pages that are fetched again and again."""

import pytest
from django.test import Client

from taskjuice.logs import without_query
from tests.factories import people
from tests.support.browser import signed_in
from tests.world import World, world

HTMX = {"HX-Request": "true"}


@pytest.fixture
def there(db: None) -> World:
    return world()


@pytest.mark.parametrize(
    ("referer", "next_page"),
    [
        ("http://testserver/triggers/?page=2", "/triggers/%3Fpage%3D2"),
        ("http://evil.example/triggers/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_whoever_sends_a_form_signed_out_comes_back_to_its_page(
    there: World, referer: str, next_page: str
) -> None:
    path = there.path("triggers/<uuid:trigger_id>/pause/")

    answer = Client().post(path, headers={"Referer": referer})

    assert answer["Location"] == f"/accounts/login/?next={next_page}"


def test_whoever_opens_a_page_signed_out_comes_back_to_it(db: None) -> None:
    assert Client().get("/triggers/?page=2")["Location"] == "/accounts/login/?next=/triggers/%3Fpage%3D2"


@pytest.mark.parametrize(
    "route",
    [
        "triggers/<uuid:trigger_id>/progress/",
        "calls/<uuid:call_id>/progress/",
        "settings/connections/<uuid:connection_id>/link/",
    ],
)
def test_a_part_of_a_page_whose_reader_or_subject_is_gone_loads_the_page_anew(
    there: World, route: str
) -> None:
    path = there.path(route)

    for browser in (Client(), signed_in(there.who.charlie)):
        answer = browser.get(path, headers=HTMX)
        assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    assert signed_in(there.who.bob).get(path, headers=HTMX).status_code == 200


def test_staff_see_the_way_to_the_administration_and_others_do_not(db: None) -> None:
    who = people()
    assert 'href="/admin/"' not in signed_in(who.alice).get("/settings/connections/").content.decode()
    who.alice.is_staff = True
    who.alice.save()
    assert 'href="/admin/"' in signed_in(who.alice).get("/settings/connections/").content.decode()


def test_error_reports_hold_no_query() -> None:
    request = {
        "url": "https://taskjuice.example/client/",
        "query_string": "link=SECRET",
        "headers": {"Host": "taskjuice.example", "Referer": "https://taskjuice.example/client/?link=SECRET"},
    }

    assert "SECRET" not in repr(without_query({"request": request}, {}))
    assert without_query({"message": "no request"}, {}) == {"message": "no request"}
