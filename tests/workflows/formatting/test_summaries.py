"""Outputs as a person reads them: each fact says what it is about."""

from typing import Any

from workflows.formatting import summaries

_TEXT = {"type": "string"}
_USER: dict[str, Any] = {"properties": dict.fromkeys(("id", "summary", "html_url", "email"), _TEXT)}
_INCIDENT: dict[str, Any] = {"properties": dict.fromkeys(("id", "title", "status"), _TEXT)}


def facts(properties: dict[str, Any], output: dict[str, Any]) -> list[tuple[str, str]]:
    reading = summaries.of_output({"properties": properties}, output, lambda link: True)
    return [(fact.name, fact.text) for fact in reading.facts]


def test_each_of_several_references_is_one_fact_with_its_name() -> None:
    output = {
        "schedule": {"id": "P1", "summary": "Primary", "html_url": "https://x.example/1"},
        "user": {"id": "P2", "summary": "Hana", "email": "hana@x.example"},
        "next": {"id": "P3", "summary": None},
    }

    assert facts(dict.fromkeys(output, _USER), output) == [
        ("Schedule", "Primary"),
        ("User", "Hana"),
        ("Next", "P3"),
    ]
    schema = {"properties": dict.fromkeys(output, _USER)}
    assert summaries.of_output(schema, output, lambda link: True).link == "https://x.example/1"


def test_an_object_that_says_more_is_a_fact_for_each_of_its_parts() -> None:
    assert facts(
        {"incident": _INCIDENT}, {"incident": {"id": "P1", "title": "Down", "status": "resolved"}}
    ) == [
        ("ID", "P1"),
        ("Title", "Down"),
        ("Status", "resolved"),
    ]


def test_an_object_of_which_nothing_is_declared_is_left_to_the_json() -> None:
    assert facts({"fields": {"type": "object"}}, {"fields": {"id": "P1"}}) == []
