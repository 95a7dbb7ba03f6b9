"""The field `health`, the same on everything that the API answers it for."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.extension_points import health
from connections.extension_points.health import Health


class HealthOut(serializers.Serializer[Health]):
    """The health of a thing, derived from what happened. reason: a sentence. at: when that was."""

    state = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    at = serializers.DateTimeField(allow_null=True)


class HealthField(serializers.Field[Any, Any, Any, Any]):
    """Read-only; in a list judged once for all of its rows."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, source="*", **kwargs)
        self._known: dict[Any, Health] | None = None

    def to_representation(self, row: Any) -> Any:
        rows = getattr(getattr(self.parent, "parent", None), "instance", None)
        if rows is None:
            return HealthOut(health.of(row)).data
        if self._known is None:
            self._known = health.of_all(rows)
        return HealthOut(self._known.get(row.pk, health.UNKNOWN)).data


health_field = extend_schema_field(HealthOut)(HealthField)
