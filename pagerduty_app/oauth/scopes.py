"""PagerDuty's scopes: which are requested, which of them include which, how long a grant of them lasts.

Source: PagerDuty developer docs, OAuth functionality and public scoped apps.
"""

from collections.abc import Collection
from datetime import timedelta
from itertools import chain

from django.conf import settings

from connections.grants.registry import Lifetimes, OptionalPermission

SCOPES = {
    "incidents.read": "View incidents and notes",
    "incidents.write": "Create and update incidents, add notes",
    "services.read": "View services",
    "users.read": "View users",
    "schedules.read": "View on-call schedules",
    "teams.read": "View teams",
}
WEBHOOKS = OptionalPermission(
    key="webhooks",
    label="Set up webhooks automatically (recommended)",
    unlocks="Triggers create, check and repair their webhooks. Without it, each trigger shows how to add its webhook in"
    " PagerDuty.",
    scopes={
        "webhook_subscriptions.read": "View webhooks",
        "webhook_subscriptions.write": "Create, update and delete webhooks",
    },
)
DELEGATIONS = "oauth_delegations.read"
# Each unlocks something that the six do not cover (api-schema, x-pd-requires-scope).
OPTIONAL = (
    WEBHOOKS,
    OptionalPermission(
        key="escalation_policies",
        label="Choose escalation policies from a list",
        unlocks="Without it, their IDs are typed. Get on-call user also finds policies that no service uses.",
        scopes={"escalation_policies.read": "View escalation policies"},
    ),
    OptionalPermission(
        key="choices",
        label="Choose priorities and incident types from lists",
        unlocks="Without it, their names are typed.",
        scopes={
            "priorities.read": "View priorities",
            "incident_types.read": "View incident types",
        },
    ),
    OptionalPermission(
        key="incident_workflows",
        label="See incident workflows",
        unlocks="PagerDuty sends the events of the triggers incident workflow started and completed only with it. "
        "Start incident workflow offers them in a list; without it, their IDs are typed.",
        scopes={"incident_workflows.read": "View incident workflows"},
    ),
    OptionalPermission(
        key="incident_workflow_starts",
        label="Start incident workflows",
        unlocks="The action Start incident workflow needs it.",
        scopes={"incident_workflows:instances.write": "Start incident workflows"},
    ),
    OptionalPermission(
        key="overrides",
        label="Put someone on call",
        unlocks="Create override can change who is on call in a schedule. Without it, schedules can only be read.",
        scopes={"schedules.write": "Create and change on-call schedules and their overrides"},
    ),
    OptionalPermission(
        key="maintenance_windows",
        label="Create maintenance windows",
        unlocks="The action Create maintenance window needs it. PagerDuty has no narrower permission.",
        scopes={"services.write": "Create and change services and their maintenance windows"},
    ),
    OptionalPermission(
        key="revocation",
        label="Prove a revocation",
        unlocks="The receipt of a revocation says whether PagerDuty still holds the authorization.",
        scopes={DELEGATIONS: "View which apps you have authorized"},
    ),
)
_WORDS = {
    "openid": "Identify your PagerDuty user and account",
    "write": "View and change all that you can in PagerDuty (classic apps cannot request less)",
    **SCOPES,
    **{scope: words for permission in OPTIONAL for scope, words in permission.scopes.items()},
}
_SCOPED = Lifetimes(unused=timedelta(days=30), consent=timedelta(days=365))
_CLASSIC = Lifetimes(unused=timedelta(days=210), consent=timedelta(days=3 * 365))


def asks(*, own_app: bool, optional: Collection[str]) -> dict[str, str]:
    """Return what a consent requests, in order: scope → what it allows.

    own_app: through a client's own app, which is always a scoped one. optional: keys of OPTIONAL; classic `write`
    includes them all anyway.
    """
    if settings.PAGERDUTY_OAUTH_MODE == "classic" and not own_app:
        asked = ["openid", "write"]
    else:
        chosen = (permission.scopes for permission in OPTIONAL if permission.key in optional)
        asked = ["openid", *SCOPES, *chain.from_iterable(chosen)]
    return {scope: _WORDS[scope] for scope in asked}


def covers(scope: str, granted: list[str]) -> bool:
    """Return whether the granted scopes include `scope`: one, or several with spaces between, as OAuth writes them.

    Classic OAuth's `write` implies all six, its `read` the reading ones.
    """
    return all(
        one in granted or "write" in granted or ("read" in granted and one.endswith(".read"))
        for one in scope.split()
    )


def missing_scopes(granted: list[str]) -> list[str]:
    """Return those of the six that the granted scopes do not cover."""
    return [scope for scope in SCOPES if not covers(scope, granted)]


def lifetimes(granted: list[str]) -> Lifetimes:
    """Return how long a grant lasts; classic grants (`read`, `write`) last longer than scoped ones."""
    return _CLASSIC if {"read", "write"}.intersection(granted) else _SCOPED
