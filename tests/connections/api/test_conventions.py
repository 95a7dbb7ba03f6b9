"""What other software meets: redirects that keep the method, parameters that are refused by name, pages both ways."""

import base64
import json
import uuid
from typing import Any
from urllib.parse import quote

import pytest
from django.db import DatabaseError
from django.test import Client, override_settings
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from connections.models import Connection
from tests.factories import Ask, People, asking, connect


@pytest.fixture
def ask(client: Client, who: People) -> Ask:
    return asking(client, who.acme)


# --- the last slash ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("method", ["get", "post", "patch", "put", "delete"])
def test_a_missing_last_slash_is_a_308_that_keeps_method_and_query(method: str, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        answer = getattr(Client(), method)("/api/v1/triggers?limit=3")

    assert answer.status_code == 308
    assert answer["Location"] == "/api/v1/triggers/?limit=3"


def test_what_is_no_address_with_a_slash_either_is_404_in_the_shape_of_the_api() -> None:
    for path in ("/api/v1/nothing", "/api/nothing/", "/api/v1//runs/"):
        answer = Client().post(path)
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


def test_pages_are_redirected_as_before(who: People) -> None:
    answer = Client().get("/settings/connections")

    assert answer.status_code == 301


# --- parameters --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "name", "meant"),
    [
        ("runs/?staus=failed", "staus", "status"),
        ("runs/?STATUS=failed", "STATUS", None),
        ("events/?trigge=x", "trigge", "trigger"),
        ("connections/?offset=50", "offset", None),
        ("connections/?labels[]=x", "labels[]", None),
        ("triggers/?page=2", "page", None),
        ("catalog/?limit=2", "limit", None),
        ("hooks/?format=json", "format", None),
        ("workflows/?=", "", None),
    ],
)
def test_a_parameter_that_there_is_not_is_400_and_named(
    ask: Ask, path: str, name: str, meant: str | None
) -> None:
    answer = ask("get", path)

    assert answer.status_code == 400
    (said,) = answer.json()["error"]["fields"][name]
    assert (f"Did you mean {meant}?" in said) if meant else ("Unknown parameter" in said)


def test_a_parameter_given_twice_is_400(ask: Ask) -> None:
    answer = ask("get", "connections/?status=active&status=revoked")

    assert answer.json()["error"]["fields"] == {"status": ["Provide this parameter only once."]}


def test_a_write_takes_no_parameters(ask: Ask, connection: Connection) -> None:
    answer = ask("post", f"connections/{connection.pk}/revoke/?dry_run=true")

    assert answer.status_code == 400
    connection.refresh_from_db()
    assert connection.status == "active"


def test_what_is_documented_is_taken(ask: Ask) -> None:
    """And each list documents where its pages begin and how long they are."""
    generator: Any = SchemaGenerator  # its methods have no types
    paths = generator().get_schema(request=None, public=True)["paths"]
    for path, operations in paths.items():
        described = operations.get("get", {}).get("parameters", [])
        names = [one["name"] for one in described if one["in"] == "query"]
        if "{" in path:
            continue
        answer = ask("get", path.removeprefix("/api/v1/") + "?" + "&".join(f"{name}=" for name in names))
        fields = answer.json().get("error", {}).get("fields", {}) if answer.status_code == 400 else {}
        assert not [said for said in fields.values() if "Unknown parameter" in said[0]], path
        assert ("cursor" in names) == ("limit" in names)


@pytest.mark.parametrize("limit", ["x", "0", "-1", "1.5", "", "٣", "9" * 30])
def test_a_page_of_no_size_is_400(ask: Ask, limit: str) -> None:
    assert list(ask("get", f"connections/?limit={limit}").json()["error"]["fields"]) == ["limit"]


# --- pages -------------------------------------------------------------------------------------------------
def _ids(page: dict[str, Any]) -> list[str]:
    return [row["id"] for row in page["results"]]


def _follow(ask: Ask, link: str) -> dict[str, Any]:
    answer: dict[str, Any] = ask("get", f"connections/?{link.partition('?')[2]}").json()
    return answer


@pytest.mark.parametrize("equal", [7, 4, 1])
def test_pages_lead_forth_and_back_over_rows_of_the_same_moment(ask: Ask, who: People, equal: int) -> None:
    for number in range(7):
        connect(who.acme, f"Number {number}")
    then = timezone.now()
    Connection.objects.filter(
        pk__in=list(Connection.objects.order_by("created_at").values_list("pk", flat=True)[:equal])
    ).update(created_at=then)
    everything = _ids(ask("get", "connections/").json())

    pages = [ask("get", "connections/?limit=2").json()]
    while link := pages[-1]["next"]:
        pages.append(_follow(ask, link))
    back = [pages[-1]]
    while link := back[-1]["previous"]:
        back.append(_follow(ask, link))

    assert [some_id for page in pages for some_id in _ids(page)] == everything
    assert [_ids(page) for page in back[::-1]] == [_ids(page) for page in pages]
    assert [_ids(_follow(ask, page["next"])) for page in back[:0:-1]] == [_ids(page) for page in pages[1:]]


@pytest.mark.parametrize(
    "cursor", ["%00", "x", "W10", "WzAsIngiLCJ5Il0", "bnVsbA", "WyIwIl0", "W1tbW1tbW1tb", "9" * 3000, ""]
)
def test_a_cursor_that_is_none_is_400_and_named(ask: Ask, cursor: str) -> None:
    answer = ask("get", f"connections/?cursor={cursor}")

    if cursor:
        assert list(answer.json()["error"]["fields"]) == ["cursor"]
    else:
        assert answer.status_code == 200


ODD_MOMENTS = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00+23:59"]


@pytest.mark.parametrize("moment", ODD_MOMENTS)
def test_a_moment_beyond_the_calendar_or_of_an_odd_zone_is_no_fault_of_ours(ask: Ask, moment: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([0, moment, str(uuid.uuid4())]).encode()).decode()
    expected = 200 if moment == ODD_MOMENTS[-1] else 400

    assert ask("get", f"connections/?cursor={cursor.rstrip('=')}").status_code == expected
    for name in ("since", "until"):
        assert ask("get", f"runs/?{name}={quote(moment)}").status_code == expected


# --- our own faults ----------------------------------------------------------------------------------------
def test_a_fault_of_ours_is_json_with_the_id_of_the_request(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    """In a view, and before one was reached."""

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no secrets here")

    client.raise_request_exception = False
    monkeypatch.setattr("connections.api.connections._all", broken)
    in_view = ask("get", "connections/")
    monkeypatch.setattr("django.contrib.messages.middleware.MessageMiddleware.process_request", broken)
    before_view = ask("get", "connections/")

    for answer in (in_view, before_view):
        assert answer.status_code == 500
        error = answer.json()["error"]
        assert error["code"] == "internal_error"
        assert error["detail"]["request_id"]
        assert "secrets" not in answer.content.decode()


def test_a_page_that_breaks_shows_the_id_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)

    def broken(*args: object, **kwargs: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("django.contrib.messages.middleware.MessageMiddleware.process_request", broken)
    answer = client.get("/accounts/login/", headers={"X-Request-ID": "0f0f0f0f"})

    assert answer.status_code == 500
    assert "quote this ID" in answer.content.decode()


def test_a_host_that_is_not_ours_is_400_in_the_shape_of_the_api() -> None:
    answer = Client(SERVER_NAME="evil.example").get("/api/v1/connections/")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


def test_options_tells_nothing_of_the_code(who: People, ask: Ask) -> None:
    for path in ("/api/v1/connections/", "/hooks/pagerduty/0b6b2f0e-6c1c-4b62-9a62-5f4a3c1d2e3f"):
        answer = Client().options(path)
        assert answer.status_code in (401, 405), path
        assert "description" not in answer.content.decode()
