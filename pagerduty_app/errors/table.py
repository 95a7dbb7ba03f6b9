"""Every error that PagerDuty documents: its name here, what it means, whether trying again helps, what to do.

Data, from which answers, hints and docs/errors.md are made. Source: PagerDuty developer docs, REST API errors.
"""

from dataclasses import dataclass
from typing import Literal

Retry = Literal["never", "later", "after reconnecting", "after a change"]
REQUESTER_NOT_FOUND = "1008"


@dataclass(frozen=True)
class Known:
    """name: of the error in this product. meaning: one plain sentence. hint: what a person can do; "" as for others."""

    name: str
    meaning: str
    retry: Retry
    hint: str = ""


# PagerDuty's own error numbers; answers carry them as numbers or as text.
BY_NUMBER = {
    "1001": Known(
        "incident_already_resolved",
        "The incident is already resolved.",
        "never",
        "No action needed.",
    ),
    "1002": Known(
        "incident_already_acknowledged",
        "The incident is already acknowledged.",
        "never",
        "No action needed.",
    ),
    "1005": Known(
        "incident_changed_meanwhile",
        "The incident has changed since it was read.",
        "after a change",
        "Check the incident in PagerDuty, then retry.",
    ),
    REQUESTER_NOT_FOUND: Known(
        "from_not_a_user",
        "From is not the email address of a user of the account.",
        "after a change",
        "Choose a user of the connected PagerDuty account.",
    ),
    "2001": Known("invalid_at_provider", "PagerDuty rejected the request (invalid input).", "after a change"),
    "2002": Known("invalid_at_provider", "PagerDuty could not process the request.", "after a change"),
    "2006": Known("credential_refused", "Authentication failed.", "after reconnecting"),
    "2010": Known(
        "access_denied", "The user who authorized the connection lacks permission.", "after reconnecting"
    ),
    "2012": Known("provider_account_expired", "The PagerDuty account has expired.", "after a change"),
    "2018": Known(
        "access_lost",
        "The user who authorized the connection has lost access to the account.",
        "after reconnecting",
    ),
    "2020": Known("rate_limited", "Rate limited by PagerDuty.", "later"),
    "2100": Known("not_found_at_provider", "Not found, or no access.", "after a change"),
    "5001": Known(
        "incident_not_found",
        "Incident not found.",
        "after a change",
        "Check the incident’s ID. It is the last part of the incident’s URL in PagerDuty.",
    ),
    "5002": Known(
        "service_not_found",
        "Service not found.",
        "after a change",
        "Choose another service; this one may have been deleted.",
    ),
}
# Where the number is missing, or is one that the table does not have. 5xx otherwise: provider_error.
BY_STATUS = {
    400: Known("invalid_at_provider", "PagerDuty rejected the request (invalid input).", "after a change"),
    401: Known("credential_refused", "Authentication failed.", "after reconnecting"),
    402: Known(
        "not_in_provider_plan", "The plan of the PagerDuty account does not include this.", "after a change"
    ),
    403: Known("access_denied", "A permission is missing.", "after reconnecting"),
    404: Known("not_found_at_provider", "Not found, or no access.", "after a change"),
    408: Known("provider_timeout", "PagerDuty timed out.", "later"),
    429: Known("rate_limited", "Rate limited by PagerDuty.", "later"),
}
# A 403 that says that a scope is missing ("Token missing required scopes"), with any number.
MISSING_SCOPE = Known(
    "missing_scope",
    "The authorization lacks a permission that PagerDuty names.",
    "after reconnecting",
)
ANY_OTHER = Known("provider_error", "PagerDuty is having issues (server error).", "later")
NO_ANSWER = Known(
    "provider_unreachable", "PagerDuty could not be reached, or its response was lost.", "later"
)
# A 402 to a responder request (api-schema, createIncidentResponderRequest).
NO_RESPONDERS = Known(
    "responders_not_in_plan",
    "The plan does not include adding responders.",
    "after a change",
    "Adding responders needs a PagerDuty plan with the ability coordinated_responding. The account’s owner can change "
    "the plan.",
)
# Errors about PagerDuty that are found here, not there.
CHECKING_FOR_NOTE = Known(
    "checking_for_note",
    "Another request is writing the same note.",
    "later",
    "No action needed; it resumes automatically in a moment.",
)
CHECKING_FOR_RESPONDERS = Known(
    "checking_for_responders",
    "Another request is adding the same responders.",
    "later",
    "No action needed; it resumes automatically in a moment.",
)
CHECKING_FOR_WINDOW = Known(
    "checking_for_maintenance_window",
    "Another request is creating the same maintenance window.",
    "later",
    "No action needed; it resumes automatically in a moment.",
)
UNCONFIRMED_STATUS_UPDATE = Known(
    "status_update_unconfirmed",
    "The response to a status update was lost; it cannot be looked up.",
    "never",
    "Look at the incident’s status updates in PagerDuty. If it is missing, use Run an action on the connection’s page: "
    "a retry of this step never sends it again.",
)
UNCONFIRMED_WORKFLOW = Known(
    "incident_workflow_unconfirmed",
    "The response to a workflow’s start was lost; it cannot be looked up.",
    "never",
    "Look at the incident in PagerDuty. If the workflow was not started on it, use Run an action on the connection’s "
    "page: a retry of this step never sends it again.",
)
OURS = {
    known.name: known
    for known in (
        Known(
            "incident_key_in_use",
            "An open incident of the service has this incident key.",
            "after a change",
            "Resolve that incident first, or use another incident key.",
        ),
        CHECKING_FOR_NOTE,
        CHECKING_FOR_RESPONDERS,
        CHECKING_FOR_WINDOW,
        UNCONFIRMED_STATUS_UPDATE,
        UNCONFIRMED_WORKFLOW,
    )
}


def find(number: int | str | None, status: int | None, *, lacks_scope: bool = False) -> Known:
    """The table's entry for this error number and HTTP status (None: no response).

    lacks_scope: whether it says that the token lacks a scope.
    """
    if lacks_scope:
        return MISSING_SCOPE
    known = BY_NUMBER.get(str(number or "")) or BY_STATUS.get(status or 0)
    return known or (NO_ANSWER if status is None else ANY_OTHER)


def hints() -> dict[str, str]:
    """{name: hint} of those that have one of their own; the others are in workflows.formatting.error_hints."""
    return {
        known.name: known.hint for known in (*BY_NUMBER.values(), NO_RESPONDERS, *OURS.values()) if known.hint
    }
