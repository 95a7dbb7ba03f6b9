"""POST /_sandbox/events: an event of any type, as PagerDuty would send it to the webhooks of an account."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from pagerduty_app.sandbox.control.views import account_of, body_of
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.refusals import invalid


@require_POST
def events(request: HttpRequest) -> HttpResponse:
    """{"account"?, "event_type", "data", "user"?} → {"sent": how many webhooks get it}.

    data: `event.data` of that type. Types that are not documented (yet) are sent to all webhooks of the account.
    """
    sandbox, body = sandbox_of(request), body_of(request)
    account = account_of(sandbox, body.get("account", "acme"))
    event_type, data = body.get("event_type"), body.get("data")
    if not isinstance(event_type, str) or not event_type or not isinstance(data, dict):
        raise invalid("event_type must be a text, data an object.")
    sent = sandbox.announce(account, event_type, data, data, sandbox.person(account, body.get("user")))
    return JsonResponse({"sent": sent})
