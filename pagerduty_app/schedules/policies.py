"""Escalation policies by ID, also without the permission to read them.

GET /escalation_policies/{id} needs the optional scope escalation_policies.read (PagerDuty api-schema). Without it the
policy is searched for behind the services, which needs services.read only; the service that has it is cached.
"""

from typing import Any

from django.core.cache import cache

from connections.grants import registry
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.client.paging import PAGE, object_of
from workflows.catalog import Json, ProviderError

WITH_POLICY = {"include": ["escalation_policies"]}
_SCOPE = "escalation_policies.read"
_REFUSED, _NOT_THERE = 403, 404
# Pages of services that are searched for a policy.
_MOST_PAGES = 20
_REMEMBERED_SECONDS = 24 * 3600
# What was searched for in vain; a service may be given that policy any time.
_IN_VAIN_SECONDS = 60


def find_policy(api: Api, policy_id: str) -> Json:
    """Return the policy with its rules. Raise PagerDutyError, or ProviderError if no service has it."""
    lacks_scope = f"pagerduty-policies-closed:{api.cache_key}"
    # The scopes of a token do not change, and `cache_key` is of the token.
    if not cache.get(lacks_scope):
        try:
            return object_of(api.escalation_policy(policy_id), "escalation_policy", needs=("id",))
        except PagerDutyError as error:
            if error.status != _REFUSED:
                raise
            if not error.lacks_scope:
                if policy := _behind_a_service(api, policy_id):
                    return policy
                raise
            cache.set(lacks_scope, True, _REMEMBERED_SECONDS)
    if policy := _behind_a_service(api, policy_id):
        return policy
    raise _not_found(policy_id)


def _behind_a_service(api: Api, policy_id: str) -> Json | None:
    key = f"pagerduty-policy-service:{api.cache_key}:{policy_id}"
    known = cache.get(key)
    if known == "":
        return None
    if known and (policy := _of_known_service(api, known, policy_id)):
        return policy
    pages = zip(range(_MOST_PAGES), api.everything("services", WITH_POLICY), strict=False)
    for service in (row for _, page in pages for row in page):
        if policy := _policy_of(service, policy_id):
            cache.set(key, service["id"], _REMEMBERED_SECONDS)
            return policy
    cache.set(key, "", _IN_VAIN_SECONDS)
    return None


def _of_known_service(api: Api, service_id: str, policy_id: str) -> Json | None:
    """Return the policy of the service that had it; None if the service is gone or has another one now."""
    try:
        service = api.get_service(service_id, WITH_POLICY).get("service")
    except PagerDutyError as error:
        if error.status != _NOT_THERE:
            raise
        return None
    return _policy_of(service, policy_id)


def _policy_of(service: Any, policy_id: str) -> Json | None:
    policy = service.get("escalation_policy") if isinstance(service, dict) else None
    return policy if isinstance(policy, dict) and policy.get("id") == policy_id else None


def _not_found(policy_id: str) -> ProviderError:
    said = f"None of the first {_MOST_PAGES * PAGE:,} services uses this escalation policy"
    permission = registry.optional_permission_of(_SCOPE)
    needed = f"“{permission.label}”" if permission else _SCOPE
    further = f"To use one that no service uses, reconnect with {needed}."
    return ProviderError(
        "not_found_at_provider",
        f"{said} ({policy_id}). {further}",
        fields={"escalation_policy_id": [f"{said}. Check the ID. {further}"]},
    )
