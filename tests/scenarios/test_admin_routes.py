"""Every route of the admin, crossed with who may come in; a route that is in no table here fails the test."""

import uuid
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from connections.admin.shared.scoped import ScopedPage
from connections.models import User
from tests.scenarios.test_routes import CANARIES, routes
from tests.support.browser import BACKEND, undone
from tests.world import World

pytestmark = pytest.mark.slow

# What can be asked of the rows of a model: the act, the method, the route below the model's.
ASKED = [
    ("list", "get", ""),
    ("list", "post", ""),
    ("add", "get", "add/"),
    ("add", "post", "add/"),
    ("look", "get", "<path:object_id>/change/"),
    ("change", "post", "<path:object_id>/change/"),
    ("look", "get", "<path:object_id>/history/"),
    ("look", "post", "<path:object_id>/history/"),
    ("delete", "get", "<path:object_id>/delete/"),
    ("delete", "post", "<path:object_id>/delete/"),
]
LOOK = {"list", "look"}
WRITE = LOOK | {"add", "change"}
NOTHING: set[str] = set()
# Model → the acts that TaskJuice's support, an agency's own support and a superuser may do.
MODELS = {
    **dict.fromkeys(
        [
            *(f"connections/{name}" for name in ("apikey", "auditevent", "connection", "grant", "notice")),
            *(
                f"workflows/{name}"
                for name in ("actioncall", "event", "hook", "hookdelivery", "run", "trigger", "workflow")
            ),
        ],
        (LOOK, LOOK, LOOK),
    ),
    **dict.fromkeys(["connections/account", "connections/workspace"], (LOOK, LOOK, WRITE)),
    "connections/membership": (LOOK, LOOK, WRITE | {"delete"}),
    "connections/user": (NOTHING, NOTHING, WRITE),
    "auth/group": (NOTHING, NOTHING, WRITE | {"delete"}),
    **dict.fromkeys(
        [f"django_q/{name}" for name in ("failure", "ormq", "schedule", "success")], (LOOK, NOTHING, LOOK)
    ),
}
# Route → what it answers to GET by support, by an agency's own support and by a superuser.
AROUND = {
    "admin/": (200, 200, 200),
    "admin/^(?P<app_label>connections|workflows|auth|django_q)/$": (200, 404, 200),  # asked for django_q
    "admin/(?P<url>.*)$": (404, 404, 404),
    "admin/autocomplete/": (403, 403, 403),
    "admin/jsi18n/": (200, 200, 200),
    "admin/login/": (302, 302, 302),
    "admin/logout/": (405, 405, 405),
    "admin/password_change/": (200, 200, 200),
    "admin/password_change/done/": (200, 200, 200),
    "admin/r/<path:content_type_id>/<path:object_id>/": (404, 404, 404),
}


def ask(person: User | None, method: str, path: str) -> Any:
    """That request in a session of the person's own."""
    client = Client(raise_request_exception=True)
    if person is not None:
        client.force_login(person, backend=BACKEND)
    return undone(client, method, path)


@pytest.fixture
def there(world_made_once: World, db: None) -> World:
    return world_made_once


def staff(who: World) -> list[User]:
    """TaskJuice's support, the agency's own (Alice) and a superuser, as the tables have them."""
    sam = User.objects.create_user("sam@taskjuice.example")
    for person, group in ((sam, "Support"), (who.who.alice, "Agency support")):
        admitted(person, group)
    return [sam, who.who.alice, User.objects.create_superuser("root@taskjuice.example")]


def admitted(person: User, group: str) -> User:
    User.objects.filter(pk=person.pk).update(is_staff=True)
    person.groups.set([Group.objects.get(name=group)])
    return person


def row_of(model: str, there: World) -> Any:
    """One of Alice's agency; of the machinery, any."""
    kind = apps.get_model(model.replace("/", "."))
    page, rows = admin.site.get_model_admin(kind), kind._default_manager.order_by("-pk")
    if isinstance(page, ScopedPage):
        rows = page.belonging_to([there.who.agency.pk], rows)
    if kind in (OrmQ, Schedule):
        return kind.objects.create()
    if kind in (Failure, Success):
        now = timezone.now()
        return kind.objects.create(
            id=uuid.uuid4().hex, name="n", func="f", started=now, stopped=now, success=kind is Success
        )
    return rows.first()


def path(model: str, below: str, row_id: Any) -> str:
    return f"/admin/{model}/{below}".replace("<path:object_id>", str(row_id))


def test_every_route_of_the_admin_is_in_a_table() -> None:
    of_models = {f"admin/{model}/{below}" for model in MODELS for _, _, below in ASKED}
    short = {f"admin/{model}/<path:object_id>/" for model in MODELS}  # redirects to the row's page

    assert {route for route in routes() if route.startswith("admin/")} == of_models | short | AROUND.keys()


@pytest.mark.parametrize("model", MODELS)
def test_staff_do_what_their_table_says_and_nothing_else(there: World, model: str) -> None:
    row = row_of(model, there)
    for person, may in zip(staff(there), MODELS[model], strict=True):
        short = ask(person, "get", path(model, "<path:object_id>/", row.pk))
        assert (short.status_code, short["Location"].rpartition("/admin/")[2]) == (
            302,
            f"{model}/{row.pk}/change/",
        )
        for act, method, below in ASKED:
            answer = ask(person, method, path(model, below, row.pk))
            done = 302 if (act, method) == ("delete", "post") else 200
            refused = answer.status_code == 403 or answer.headers.get("Location") == "/admin/"
            allowed = answer.status_code == done and not refused
            assert allowed if act in may else refused, (person.email, act, method, below)


@pytest.mark.parametrize("model", MODELS)
def test_another_agency_s_support_neither_reaches_nor_detects_a_row(there: World, model: str) -> None:
    charlie, row = admitted(there.who.charlie, "Agency support"), row_of(model, there)
    nobody = uuid.uuid4() if isinstance(row.pk, uuid.UUID) else 987_654_321
    for _, method, below in ASKED:
        answer = ask(charlie, method, path(model, below, row.pk))
        assert not [canary for canary in CANARIES if canary in answer.content.decode()], (method, below)
        if "<" in below and model != "auth/group":  # groups belong to no tenant
            missing = ask(charlie, method, path(model, below, nobody))
            assert answer.status_code == missing.status_code
            assert answer.status_code in (302, 403, 404)
            assert answer.headers.get("Location") == missing.headers.get("Location")


@pytest.mark.parametrize("route", AROUND)
def test_what_is_around_the_rows_answers_as_its_table_says(there: World, route: str) -> None:
    for person, status in zip(staff(there), AROUND[route], strict=True):
        kind = ContentType.objects.get_for_model(type(there.who.acme)).pk
        asked = route.replace("<path:content_type_id>/<path:object_id>", f"{kind}/{there.who.acme.pk}")
        asked = asked.replace("^(?P<app_label>connections|workflows|auth|django_q)/$", "django_q/")
        answer = ask(person, "get", "/" + asked.replace("(?P<url>.*)$", "nothing-of-the-kind/"))
        assert answer.status_code == status, person.email


@pytest.mark.parametrize("route", sorted(route for route in routes() if route.startswith("admin/")))
def test_the_admin_is_for_staff_alone(there: World, route: str) -> None:
    who = there.who
    asked = "/" + "/".join("1" if "<" in part or "(" in part else part for part in route.split("/"))
    for person in (None, who.alice, who.dora, who.bob, who.charlie):
        for method in ("get", "post"):
            answer = ask(person, method, asked)
            assert answer.status_code in (302, 403, 404, 405) or route in (
                "admin/login/",
                "admin/logout/",
            ), answer.status_code
            if answer.status_code == 302 and route != "admin/logout/":
                assert "/login/" in answer["Location"]
