"""The one place where PagerDuty's errors become this product's (pagerduty_app.errors.table)."""

from collections.abc import Iterator
from contextlib import contextmanager

from pagerduty_app.client import PagerDutyError
from pagerduty_app.errors import table
from pagerduty_app.errors.table import REQUESTER_NOT_FOUND, Known
from workflows.catalog import ProviderError

_OF_FROM = {"from": ["The connected PagerDuty account has no user with this email address."]}


def as_provider_error(error: PagerDutyError, meant: Known | None = None) -> ProviderError:
    """The same failure in this product's words. meant: what it means for this request, if the table cannot know."""
    known = meant or table.find(error.code, error.status, lacks_scope=error.lacks_scope)
    facts = {
        "provider_code": error.code,
        "reasons": error.reasons,
        "missing_scopes": error.missing_scopes,
    }
    return ProviderError(
        known.name,
        error.message,
        status=error.status,
        retryable=error.retryable,
        retry_after=error.retry_after,
        outcome_unknown=error.outcome_unknown,
        # A write of which a part was done must not begin anew with another token.
        credential=error.status == 401 and not error.outcome_unknown,
        fields=_OF_FROM if error.code == REQUESTER_NOT_FOUND else None,
        detail={name: value for name, value in facts.items() if value},
    )


@contextmanager
def provider_errors() -> Iterator[None]:
    """Raise ProviderError in place of PagerDutyError."""
    try:
        yield
    except PagerDutyError as error:
        raise as_provider_error(error) from None
