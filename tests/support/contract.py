"""PagerDuty's published OpenAPI file as a contract that requests and answers are held against."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Self

from jsonschema import Draft7Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT7

Json = dict[str, Any]
HINT = "set PAGERDUTY_SCHEMA to PagerDuty's OpenAPI file (github PagerDuty/api-schema)"
_COERCED: dict[str, Callable[[str], Any]] = {
    "integer": lambda text: int(text) if re.fullmatch(r"-?\d+", text) else text,
    "boolean": lambda text: {"true": True, "false": False}.get(text, text),
}
# PagerDuty's own example of createIncident sends text where its schema says object.
_TEXT_AS_WELL = ("components", "schemas", "IncidentBody", "properties", "details")
# A LogEntry's type is acknowledge_log_entry, an AcknowledgeLogEntry's another one: no entry could be both.
_MISSPELT = ("components", "schemas", "AcknowledgeLogEntry")
# The schema wraps each value in an object, {"value": …}; PagerDuty's own examples and events do not. And a field
# that is named by its name fits both branches of a oneOf.
_FIELD_VALUE = ("components", "schemas", "CustomFieldsFieldValue", "properties", "value")
_EDITABLE_VALUE = ("components", "schemas", "CustomFieldsEditableFieldValue")
# With include[]=escalation_policies a service has the whole policy, as Incident.escalation_policy documents it.
_WHOLE_AS_WELL = ("components", "schemas", "Service")
_POLICIES = [
    {"$ref": f"#/components/schemas/{name}"} for name in ("EscalationPolicyReference", "EscalationPolicy")
]
# Every channel with a type fits several of its kinds, so none could fit exactly one.
_OVERLAPPING = ("components", "schemas", "Channel")
# A list that is read is documented with 201 only; PagerDuty answers 200, as for every other list.
_LISTED = ("paths", "/schedules/{id}/overrides", "get", "responses")
_formats = FormatChecker(formats=("email",))


@_formats.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Contract:
    """Every check raises AssertionError: which operation, where in it, what is wrong."""

    def __init__(self, document: Json) -> None:
        details = _at(document, _TEXT_AS_WELL)
        if "type" in details:
            details["type"] = ["object", "string"]
        for part in _at(document, _MISSPELT).get("allOf", []):
            part.get("properties", {}).get("type", {}).update(enum=["acknowledge_log_entry"])
        _unwrap_values(document)
        listed = _at(document, _LISTED)
        if "201" in listed:
            listed.setdefault("200", listed["201"])
        channel = _at(document, _OVERLAPPING)
        if "oneOf" in channel:
            channel["anyOf"] = channel.pop("oneOf")
        for part in _at(document, _WHOLE_AS_WELL).get("allOf", []):
            if "escalation_policy" in part.get("properties", {}):
                part["properties"]["escalation_policy"] = {"oneOf": _POLICIES}
        self._request = _as_json_schema(document, "urn:request", left_out="readOnly")
        self._answer = _as_json_schema(document, "urn:answer", left_out="writeOnly")
        self._registry = Registry().with_resources(
            (name, DRAFT7.create_resource(body))
            for name, body in (("urn:request", self._request), ("urn:answer", self._answer))
        )

    @classmethod
    def load_from_env(cls) -> Self | None:
        """The contract in the file that PAGERDUTY_SCHEMA names; None when it names none."""
        path = os.environ.get("PAGERDUTY_SCHEMA")
        return cls(json.loads(Path(path).read_text())) if path else None

    def scope(self, method: str, path: str) -> str | None:
        """The OAuth scope the operation needs."""
        return self._operation(self._request, method, path)[1].get("x-pd-requires-scope")

    def check_request(
        self, method: str, path: str, query: list[tuple[str, str]], headers: Mapping[str, str], body: Any
    ) -> None:
        """path: without the host and the query. body: its JSON, None without one."""
        name, operation = self._operation(self._request, method, path)
        parameters = [self._resolved(one) for one in operation["parameters"]]
        given: dict[str, list[str]] = {}
        for key, text in query:
            given.setdefault(key, []).append(text)
        known = {one["name"] for one in parameters if one["in"] == "query"}
        for key in given.keys() - known:
            _fail(name, f"query {key}", "PagerDuty knows no such parameter")
        lower = {key.lower(): [text] for key, text in headers.items()}
        for one in parameters:
            key = one["name"]
            texts = given.get(key) if one["in"] == "query" else lower.get(key.lower())
            if one["in"] in ("query", "header"):
                self._check_parameter(name, one, texts)
        schema = self._json(operation.get("requestBody", {}))
        self._check_body(name, "request body", schema, body)

    def check_response(self, method: str, path: str, status: int, body: Any) -> None:
        """body: the JSON answered, None without one."""
        name, operation = self._operation(self._answer, method, path)
        documented = {key: self._json(self._resolved(one)) for key, one in operation["responses"].items()}
        where = f"body of the {status}"
        if str(status) not in documented:
            if status < 400:
                _fail(name, where, f"PagerDuty answers only {', '.join(documented)}")
            # Not every refusal is listed with each operation, but all have one form.
            errors = (schema for key, schema in documented.items() if key >= "400")
            documented[str(status)] = next(errors, None)
        schema = documented[str(status)]
        if schema is not None or status < 400:
            self._check_body(name, where, schema, body)

    # --- parts ---------------------------------------------------------------------------------------
    def _operation(self, document: Json, method: str, path: str) -> tuple[str, Json]:
        """Its name and itself, with the parameters of its path; of several paths the most literal one."""
        wanted = path.strip("/").split("/")
        fitting = [row for row in document["paths"] if _fits(row.strip("/").split("/"), wanted)]
        template = min(fitting, key=lambda row: row.count("{"), default="")
        item = document["paths"].get(template, {})
        if method.lower() not in item:
            _fail(f"{method} {path}", "path", "PagerDuty has no such operation")
        operation = item[method.lower()]
        parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
        name = f"{operation.get('operationId', '')} ({method.upper()} {template})"
        return name, {**operation, "parameters": parameters}

    def _check_parameter(self, name: str, parameter: Json, texts: list[str] | None) -> None:
        where, schema = f"{parameter['in']} {parameter['name']}", self._resolved(parameter["schema"])
        if texts is None:
            if parameter.get("required"):
                _fail(name, where, "is required")
            return
        if parameter["name"].endswith("[]") and schema.get("type") != "array":
            schema = {"type": "array", "items": schema}
        if schema.get("type") != "array":
            if len(texts) > 1:
                _fail(name, where, "is given more than once")
            self._check(name, where, schema, _coerced(texts[0], schema))
            return
        parts = texts if parameter.get("explode", True) else texts[0].split(",")
        items = self._resolved(schema["items"])
        self._check(name, where, schema, [_coerced(part, items) for part in parts])

    def _check_body(self, name: str, where: str, schema: Json | None, body: Any) -> None:
        if schema is None:
            if body is not None:
                _fail(name, where, "there should be none")
        elif body is None:
            _fail(name, where, "is required")
        else:
            self._check(name, where, schema, body)

    def _check(self, name: str, where: str, schema: Json, value: Any) -> None:
        validator = Draft7Validator(schema, registry=self._registry, format_checker=_formats)
        error = best_match(validator.iter_errors(value))
        if error is not None:
            _fail(name, f"{where} {error.json_path}", error.message[:300])

    def _json(self, holder: Json) -> Json | None:
        schema: Json | None = holder.get("content", {}).get("application/json", {}).get("schema")
        return schema

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            node = self._registry.resolver().lookup(node["$ref"]).contents
        return node


def _fail(name: str, where: str, what: str) -> NoReturn:
    raise AssertionError(f"{name}: {where}: {what}")


def _fits(template: list[str], path: list[str]) -> bool:
    return len(template) == len(path) and all(
        part == given or part.startswith("{") for part, given in zip(template, path, strict=True)
    )


def _coerced(text: str, schema: Json) -> Any:
    return _COERCED.get(schema.get("type", ""), str)(text)


def _at(document: Json, keys: Iterable[str]) -> Json:
    for key in keys:
        document = document.get(key, {})
    return document


def _unwrap_values(document: Json) -> None:
    """Correct the schema of custom fields' values in place."""
    field = _at(document, _FIELD_VALUE)
    if "oneOf" not in field:
        return
    plain = {"anyOf": [one["properties"]["value"] for one in field.pop("oneOf")]}
    field |= plain
    editable = _at(document, _EDITABLE_VALUE)
    branches = editable.pop("oneOf")
    for branch in branches:
        branch["properties"] = {**branch["properties"], "value": plain, "name": {"type": "string"}}
    editable["anyOf"] = branches


def _as_json_schema(document: Json, name: str, *, left_out: str) -> Json:
    """The document with OpenAPI 3.0's schemas as JSON Schema, under the URI `name`.

    left_out: readOnly or writeOnly; such properties are not required.
    """

    def pointed(ref: str) -> Json:
        keys = ref.partition("#/")[2].split("/")
        return _at(document, [key.replace("~1", "/").replace("~0", "~") for key in keys])

    def is_left_out(schema: Json) -> bool:
        return bool((pointed(schema["$ref"]) if "$ref" in schema else schema).get(left_out))

    def turned(node: Any) -> Any:
        if isinstance(node, list):
            return [turned(part) for part in node]
        if not isinstance(node, dict):
            return node
        made = {key: turned(part) for key, part in node.items()}
        if isinstance(made.get("$ref"), str):
            made["$ref"] = name + made["$ref"]
        if made.get("nullable") is True and "type" in made:
            made["type"] = [made["type"], "null"]
            if "enum" in made:
                made["enum"] = [*made["enum"], None]
        required, properties = made.get("required"), node.get("properties")
        if isinstance(required, list) and isinstance(properties, dict):
            made["required"] = [key for key in required if not is_left_out(properties.get(key, {}))]
        return made

    made: Json = turned(document)
    return made
