"""Refusals of PagerDuty in every shape: what is read of them, within which bounds, and what never comes through."""

import json
from typing import Any

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from pagerduty_app.client import Api, PagerDutyError, refusals
from pagerduty_app.client.refusals import MOST_REASONS, Refusal
from pagerduty_app.errors import table
from pagerduty_app.errors.mapping import as_provider_error
from tests.pagerduty_app.conftest import BASE, TOKEN

SECRET = "pdus+_0XBPWQQ_5a3c1f9e-7d2b"


def read(body: Any, *secrets: str) -> Refusal:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return refusals.read(content, secrets)


def wrapped(**error: Any) -> dict[str, Any]:
    return {"error": error}


@pytest.mark.parametrize(
    ("body", "message", "code", "reasons"),
    [
        (wrapped(message="Invalid", code=2001, errors=["a", "b"]), "Invalid", "2001", ["a", "b"]),
        (wrapped(message="Invalid", code="2001", errors="one"), "Invalid", "2001", ["one"]),
        (wrapped(message="Invalid", errors={"title": "too long"}), "Invalid", "", ["title: too long"]),
        (
            wrapped(errors={"title": ["too long", "bad"], "service": {"id": ["gone"]}}),
            "",
            "",
            ["title: too long", "title: bad", "service.id: gone"],
        ),
        (wrapped(errors=[{"field": "title", "message": "a"}, {"message": "b"}]), "", "", ["title: a", "b"]),
        (wrapped(message={"from": ["unknown"]}), "", "", ["from: unknown"]),
        (wrapped(message="x", errors=["x", "x", None, "", 7, True]), "x", "", ["7"]),
        ({"error": "No such thing", "code": 2100}, "No such thing", "2100", []),
        ({"error": ["a", ["b"]]}, "", "", ["a", "b"]),
        ({"error": "invalid_client"}, "invalid_client", "invalid_client", []),
        ({"error": "invalid_grant", "error_description": "It expired"}, "It expired", "invalid_grant", []),
        ({"message": "Flat", "code": "1008", "errors": {"from": "?"}}, "Flat", "1008", ["from: ?"]),
        ({"title": "Problem", "status": 400, "detail": "In detail"}, "In detail", "", []),
        ({"errors": ["a"]}, "", "", ["a"]),
        (["a", "b"], "", "", ["a", "b"]),
        ("a text", "a text", "", []),
        (b"Forbidden\r\n", "Forbidden", "", []),
        (b"<html><title>502 Bad Gateway</title><body>x</body></html>", "502 Bad Gateway", "", []),
        (b"<p>Sorry,&nbsp;<b>no</b></p><script>alert(1)</script>", "Sorry, no", "", []),
        (b"", "", "", []),
        (b"[[[[", "", "", []),
        (b"\xff\xfe\x00", "", "", []),
        (wrapped(message=None, code=None, errors=None), "", "", []),
        (wrapped(code=True), "", "", []),
        (wrapped(code="not a code"), "", "", []),
        ({"error": None}, "", "", []),
        (None, "", "", []),
        (5, "", "", []),
    ],
)  # fmt: skip
def test_every_shape_is_read(body: Any, message: str, code: str, reasons: list[str]) -> None:
    refusal = read(body)

    assert (refusal.message, refusal.code, list(refusal.reasons)) == (message, code, reasons)


@pytest.mark.parametrize(
    ("required", "token", "missing"),
    [
        ("incidents.write", "incidents.read openid", ["incidents.write"]),
        ("incidents.read, services.read", ["services.read"], ["incidents.read"]),
        (["a.read", "flows:runs.write"], None, ["a.read", "flows:runs.write"]),
        ("users.read", "users.read", ["users.read"]),
        (None, "users.read", []),
        (7, {}, []),
        (["<script>", "a" * 500, "no spaces in.it", ""], "", ["no", "spaces", "in.it"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [True, False])
def test_a_refusal_names_the_scopes_that_are_missing(
    required: Any, token: Any, missing: list[str], wrap: bool
) -> None:
    said = {"message": "Token missing required scopes", "required_scopes": required, "token_scopes": token}

    assert read({"error": said} if wrap else said).missing_scopes == missing


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: Token token={SECRET}",
        f"the token {SECRET} is not known",
        f"the token {SECRET[:20]}… is not known",
        f"?access_token={SECRET.replace('+', '%2B')}&x=1",
    ],
)
@pytest.mark.parametrize("shape", ["message", "errors", "key", "text", "page"])
def test_what_the_request_carried_does_not_come_back(text: str, shape: str) -> None:
    body: Any = {
        "message": wrapped(message=text),
        "errors": wrapped(message="x", errors={"headers": [text]}),
        "key": wrapped(errors={text: "bad"}),
        "text": text.encode(),
        "page": f"<title>{text}</title>".encode(),
    }[shape]

    said = repr(read(body, SECRET))

    assert "0XBPWQQ" not in said
    assert "[removed]" in said


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer another-tenants-token-1",
        "client_secret=s3cr3ts3cr3t",
        '{"refresh_token": "r3fresh-of-somebody"}',
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJQMSJ9.c2ln",
    ],
)
def test_what_looks_like_a_secret_is_removed_too(text: str) -> None:
    said = repr(read(wrapped(message=text, errors=[{"a": text}])))

    assert not any(part in said for part in ("another-tenants", "s3cr3t", "r3fresh", "eyJ"))


def test_words_that_stand_where_a_secret_could_are_left() -> None:
    assert read(wrapped(message="secret: must be unique")).message == "secret: must be unique"


def test_control_characters_and_turned_text_do_not_come_through() -> None:
    refusal = read(wrapped(message="a\x1b[31mb\u202ec\n\td\x00e\ud800", errors=["\u2028x\x07"]))

    assert refusal.message.isprintable()
    assert refusal.message == "a [31mb c de?"
    assert refusal.reasons == ("x",)


def test_it_is_bounded_in_count_length_and_depth() -> None:
    deep: Any = "core"
    for _ in range(50):
        deep = {"in": deep}
    refusal = read(
        wrapped(message="m" * 9000, code="c" * 50, errors=[*(f"{n}-" * 5000 for n in range(500)), deep])
    )

    assert (len(refusal.message), refusal.code, len(refusal.reasons)) == (500, "", MOST_REASONS)
    assert max(map(len, refusal.reasons)) == 300
    assert read(wrapped(errors=deep)).reasons == ()
    assert read(b"[" * 200_000) == Refusal()
    assert len(read(b"<p>" + b"x" * 100_000).message) <= 300


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=30), inner, max_size=5),
    max_leaves=25,
)
NAMES = st.sampled_from(
    ["error", "errors", "message", "code", "required_scopes", "token_scopes", "field", "detail"]
)


@pytest.mark.slow
@given(st.one_of(JSON, st.dictionaries(NAMES, st.one_of(JSON, st.dictionaries(NAMES, JSON)))))
def test_any_json_is_read_into_bounded_printable_words(body: Any) -> None:
    refusal = refusals.of_body(body)

    assert len(refusal.message) <= 500
    assert len(refusal.code) <= 40
    assert len(refusal.reasons) <= MOST_REASONS
    assert all(text.isprintable() and len(text) <= 500 for text in (refusal.message, *refusal.reasons))


@pytest.mark.parametrize("code", [1008, "1008", " 1008 "])
def test_the_table_finds_a_number_written_either_way(
    api: Api, rest: responses.RequestsMock, code: Any
) -> None:
    rest.get(f"{BASE}/incidents/P1", status=400, json=wrapped(message="No", code=code))

    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")
    error = as_provider_error(raised.value)

    assert (error.code, error.detail["provider_code"]) == ("from_not_a_user", "1008")
    assert table.find(1008, 400) is table.find("1008", 400)


@pytest.mark.parametrize("code", [None, 0, 2010])
def test_a_403_that_names_scopes_is_a_missing_scope(
    api: Api, rest: responses.RequestsMock, code: int | None
) -> None:
    scopes = {"required_scopes": "incidents.read", "token_scopes": "openid"}
    said = wrapped(message="Token missing required scopes", code=code, **scopes)
    rest.get(f"{BASE}/incidents/P1", status=403, json=said)

    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")
    error = as_provider_error(raised.value)

    assert (error.code, error.detail["missing_scopes"]) == ("missing_scope", ["incidents.read"])


@pytest.mark.parametrize(
    ("body", "scopes"),
    [
        (wrapped(message="Token missing required scopes", code=2010), []),
        ({"error": "Token missing required scopes"}, []),
        (b"Token missing required scopes", []),
        ({"error": "insufficient_scope"}, []),
        (wrapped(message="Forbidden", errors=["Required scopes: incidents.write"]), ["incidents.write"]),
        ({"message": "Token missing required scope: users.read."}, ["users.read"]),
        ({"errors": [{"message": "No", "required_scopes": "incidents.write"}]}, ["incidents.write"]),
        (wrapped(message="x", required_scopes={"any": ["users.read"]}), ["users.read"]),
        (
            wrapped(message="This token lacks the scopes users.read users.write", token_scopes="users.read"),
            ["users.write"],
        ),
    ],
)  # fmt: skip
def test_a_403_that_lacks_a_scope_is_a_missing_scope_in_every_shape(
    api: Api, rest: responses.RequestsMock, body: Any, scopes: list[str]
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body)
    rest.get(f"{BASE}/incidents/P1", status=403, body=content)

    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")
    error = as_provider_error(raised.value)

    assert (error.code, error.detail.get("missing_scopes", [])) == ("missing_scope", scopes)


@pytest.mark.parametrize("body", [wrapped(message="Access Denied", code=2010), b"Forbidden", b""])
def test_another_403_is_no_missing_scope(api: Api, rest: responses.RequestsMock, body: Any) -> None:
    rest.get(f"{BASE}/incidents/P1", status=403, body=body if isinstance(body, bytes) else json.dumps(body))

    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")

    assert as_provider_error(raised.value).code == "access_denied"


def test_the_client_keeps_its_token_out_of_the_words(api: Api, rest: responses.RequestsMock) -> None:
    rest.get(f"{BASE}/incidents/P1", status=400, body=f"Bad header: Authorization: Bearer {TOKEN}")

    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")

    assert TOKEN not in repr(vars(raised.value))
