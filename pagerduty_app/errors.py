"""The one place where PagerDuty's errors get their names in this product."""

from pagerduty_app.client import PagerDutyError
from workflows.catalog import ProviderError

REQUESTER_NOT_FOUND = 1008

# PagerDuty's error numbers worth a name of their own (developer docs, errors).
_BY_CODE = {
    1001: "incident_already_resolved",
    1002: "incident_already_acknowledged",
    1005: "incident_changed_meanwhile",
    REQUESTER_NOT_FOUND: "from_not_a_user",
    2001: "invalid_at_provider",
    2002: "invalid_at_provider",
    2006: "credential_refused",
    2010: "access_denied",
    2012: "provider_account_expired",
    2018: "access_lost",
    2020: "rate_limited",
    2100: "not_found_at_provider",
    5001: "incident_not_found",
    5002: "service_not_found",
}
_BY_STATUS = {
    400: "invalid_at_provider",
    401: "credential_refused",
    402: "not_in_provider_plan",
    403: "access_denied",
    404: "not_found_at_provider",
    408: "provider_timeout",
    429: "rate_limited",
}
# What a person can do about those that only PagerDuty has; the others are in workflows.hints.
HINTS = {
    "from_not_a_user": "Choose somebody who is a user of the connected PagerDuty account.",
    "incident_not_found": "Check the incident’s ID. It is the last part of the incident’s address in PagerDuty.",
    "service_not_found": "Choose another service; this one may have been deleted.",
    "incident_already_resolved": "Nothing is left to do: somebody resolved it before.",
    "incident_already_acknowledged": "Nothing is left to do: somebody acknowledged it before.",
    "incident_changed_meanwhile": "Look at the incident as it is now, then try again.",
    "incident_key_in_use": "Resolve that incident first, or use another incident key.",
    "listing_too_long": "Ask for less at once: fewer services, a shorter time, or one page after the other.",
    "checking_for_note": "Nothing: it goes on by itself in a moment.",
}
_OF_FROM = {"from": ["PagerDuty does not know a user with this e-mail address in the connected account."]}


def as_provider_error(error: PagerDutyError) -> ProviderError:
    """The same failure in this product's words."""
    status = error.status
    otherwise = "provider_unreachable" if status is None else "provider_error"
    code = _BY_CODE.get(error.code or 0) or _BY_STATUS.get(status or 0) or otherwise
    detail = {"provider_code": error.code} if error.code is not None else {}
    return ProviderError(
        code,
        error.message,
        status=status,
        retryable=error.retryable,
        retry_after=error.retry_after,
        outcome_unknown=error.outcome_unknown,
        credential=status == 401,
        fields=_OF_FROM if error.code == REQUESTER_NOT_FOUND else None,
        detail={**detail, "errors": error.errors} if error.errors else detail,
    )
