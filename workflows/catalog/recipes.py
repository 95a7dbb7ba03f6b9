"""Recipes: workflows that a provider suggests for the commonest jobs, to begin a draft with."""

from dataclasses import dataclass, field
from typing import Any

from workflows.catalog.actions import Json


@dataclass(frozen=True)
class Recipe:
    """key: `<provider>/<name>`. trigger: key of the trigger type that starts it. name, description: for people.

    options: of a trigger that is made for it. steps: as definitions have them, without a connection, and without the
    inputs that only people can know.
    """

    key: str
    name: str
    description: str
    trigger: str
    steps: list[Json]
    conditions: Json = field(default_factory=lambda: {"match": "all", "rows": []})
    options: Json = field(default_factory=dict)

    def definition(self, connection_id: Any) -> Json:
        """A draft whose steps act on that connection."""
        steps = [{"connection": str(connection_id), "on_error": "stop", **step} for step in self.steps]
        return {"conditions": self.conditions, "steps": steps}
