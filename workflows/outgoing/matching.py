"""The one rule for which endpoints take an event or a finished run, rendered as a Django Q and as SQL.

A paused endpoint takes it too: its deliveries are sent when it is resumed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Q

from workflows.models import Hook, HookDelivery

Kind = HookDelivery.Kind


class _Test(NamedTuple):
    """A test of one column of Hook. Both renderings take (column, value); a test without a value ignores it."""

    as_q: Callable[[str, Any], Q]
    as_sql: Callable[[str, str], str]


_TRUE = _Test(lambda column, value: Q((column, True)), lambda column, value: column)
_NULL = _Test(lambda column, value: Q((f"{column}__isnull", True)), lambda column, value: f"{column} IS NULL")
_EQUAL = _Test(lambda column, value: Q((column, value)), lambda column, value: f"{column} = {value}")
_NULL_OR_EQUAL = _Test(
    lambda column, value: _NULL.as_q(column, value) | _EQUAL.as_q(column, value),
    lambda column, value: f"({_NULL.as_sql(column, value)} OR {_EQUAL.as_sql(column, value)})",
)
_OF_EACH_KIND = {"workspace": _EQUAL, "deleted_at": _NULL, "trigger": _NULL_OR_EQUAL}
_RULE = {Kind.EVENT: _OF_EACH_KIND | {"events": _TRUE}, Kind.RUN: _OF_EACH_KIND | {"runs": _TRUE}}


def as_q(kind: Kind, *, workspace: Any, trigger: Any, hook: str = "") -> Q:
    """Return the rule for an event or run of this workspace and trigger: keys, instances or expressions such as F.

    hook: the lookup that leads to Hook from the model that is filtered, with a trailing "__".
    """
    values = {"workspace": workspace, "trigger": trigger}
    tests = _RULE[kind].items()
    return Q(*(test.as_q(f"{hook}{name}", values.get(name)) for name, test in tests))


def as_sql(kind: Kind, *, workspace: str, trigger: str, hook: str = "h") -> str:
    """Return the rule as a condition on the table alias `hook`.

    workspace, trigger: SQL expressions or placeholders. Each appears once, the workspace first.
    """
    values = {"workspace": workspace, "trigger": trigger}
    columns = {name: f"{hook}.{Hook._meta.get_field(name).column}" for name in _RULE[kind]}  # type: ignore[union-attr]
    return " AND ".join(
        test.as_sql(columns[name], values.get(name, "")) for name, test in _RULE[kind].items()
    )
