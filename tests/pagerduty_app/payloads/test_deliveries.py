"""What is read out of a delivery: any bytes, and each documented event type."""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pagerduty_app.payloads import deliveries
from pagerduty_app.triggers import types
from tests.pagerduty_app.sandbox.world.test_event_shapes import HINT
from workflows.catalog import Delivery
from workflows.models import Event, Trigger

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["event", "data", "id", "event_type", "incident", "type"]) | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


def bodies() -> list[Path]:
    folder = os.environ.get("PAGERDUTY_EVENTS")
    return sorted(Path(folder).glob("*.json")) if folder else []


def documented() -> Any:
    """One parameter for each documented event type, or one that skips and says how to get them."""
    found = [pytest.param(path, id=path.stem) for path in bodies()]
    return found or [pytest.param(None, id="none", marks=pytest.mark.skip(reason=HINT))]


def event(**fields: Any) -> bytes:
    return json.dumps({"event": fields}).encode()


@examples(deadline=None)
@given(body=st.binary(max_size=300))
def test_any_bytes_can_be_read(body: bytes) -> None:
    delivery = deliveries.read_delivery(body)

    assert isinstance(delivery, Delivery)
    assert 0 < len(delivery.external_id) <= 200


@examples(deadline=None)
@given(payload=JSON)
def test_any_json_can_be_read_and_offers_fields(payload: Any) -> None:
    delivery = deliveries.read_delivery(json.dumps(payload).encode())

    assert 0 < len(delivery.external_id) <= 200
    assert 0 < len(delivery.lane) <= 200
    assert set(deliveries.trigger_fields(payload)) == {"event", "incident"}


def test_deeply_nested_json_is_read_as_nothing() -> None:
    assert deliveries.read_delivery(b"[" * 100_000).event_type == ""


def test_the_signed_event_id_is_the_identity() -> None:
    assert deliveries.read_delivery(event(id="01ABC", event_type="x")).external_id == "01ABC"


@pytest.mark.parametrize("some_id", [None, "", 7, "x" * 201, "a\x00b", ["x"]])
def test_without_a_usable_id_the_bytes_are_the_identity(some_id: Any) -> None:
    body = event(id=some_id)

    delivery, again, other = (deliveries.read_delivery(each) for each in (body, body, body + b" "))

    assert delivery.external_id == again.external_id != other.external_id
    assert delivery.external_id.startswith("sha256:")


@pytest.mark.parametrize(
    ("data", "lane"),
    [
        ({"type": "incident", "id": "P1"}, "P1"),
        ({"type": "incident_note", "id": "N1", "incident": {"id": "P1"}}, "P1"),
        ({"type": "service", "id": "S1"}, "S1"),
        ({"type": "service_field_values", "service": {"id": "S1"}}, "S1"),
        (
            {"type": "incident_role_assignment", "incident_role_assignments": [{"incident": {"id": "P1"}}]},
            "P1",
        ),
        ({"type": "incident_role_assignment", "incident_role_assignments": [7]}, "01ABC"),
        ({"type": "unknown", "service": {"id": "S1"}}, "01ABC"),
        ({"type": "incident", "id": 5}, "01ABC"),
        ({"type": "incident_note", "incident": {"id": "x" * 300}}, "01ABC"),
        ("text", "01ABC"),
        (None, "01ABC"),
    ],
    ids=range(11),
)
def test_events_of_an_incident_share_its_lane(data: Any, lane: str) -> None:
    assert deliveries.read_delivery(event(id="01ABC", data=data)).lane == lane


def test_a_body_without_an_id_is_told_apart_by_what_it_says() -> None:
    def change(message: str) -> str:
        data = {"type": "incident_responder", "incident": {"id": "P1"}, "message": message}
        return deliveries.read_delivery(event(id="1", data=data)).change

    assert change("Please come") == change("Please come") != change("Please stay")
    assert change("Please come")


def test_only_a_ping_confirms() -> None:
    assert deliveries.read_delivery(event(id="1", event_type="pagey.ping")).is_confirmation
    assert not deliveries.read_delivery(event(id="1", event_type="incident.triggered")).is_confirmation


@pytest.mark.parametrize("kind", types.TRIGGERS.values(), ids=lambda kind: kind.key)
def test_a_test_delivery_is_the_sample_with_an_id_of_its_own(kind: Any) -> None:
    delivery = deliveries.read_delivery(types.sample_delivery(kind.sample, "mine"))

    assert delivery.external_id == "mine"
    if not kind.event_types_option:
        assert {delivery.event_type} == set(kind.event_types)


@pytest.mark.parametrize("path", documented())
def test_the_samples_have_the_documented_shape(path: Path) -> None:
    kind = next((kind for kind in types.TRIGGERS.values() if path.stem in kind.event_types), None)
    if kind is not None:
        theirs = json.loads(path.read_text())["event"]
        assert set(kind.sample["event"]) == set(theirs)
        assert set(kind.sample["event"]["data"]) == set(theirs["data"])


@pytest.mark.django_db
@pytest.mark.parametrize("path", documented())
def test_every_documented_event_is_accepted_when_signed(deliver: Any, trigger: Trigger, path: Path) -> None:
    payload = json.loads(path.read_text())
    payload["event"]["id"] = f"01{uuid.uuid4().hex[:24].upper()}"

    answer = deliver(payload)

    assert answer.status_code == 202, answer.content
    if path.stem == "pagey.ping":
        trigger.refresh_from_db()
        assert trigger.confirmed_at is not None
        return
    stored = Event.objects.get(external_id=payload["event"]["id"])
    assert stored.event_type == path.stem
    data = payload["event"]["data"]
    (role, *_) = data.get("incident_role_assignments", [{}])
    about = data.get("incident") or role.get("incident") or data.get("service", data)
    assert stored.lane == (data if data["type"] == "incident" else about)["id"]
