"""The sandbox's page of an account's maintenance windows."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from pagerduty_app.sandbox.control import views
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.pages.incidents import page
from pagerduty_app.sandbox.world import maintenance_windows as world

_MOST_SHOWN = 100


@require_GET
def maintenance_windows(request: HttpRequest, subdomain: str) -> HttpResponse:
    """List the account's newest maintenance windows."""
    sandbox = sandbox_of(request)
    rows = world.listed(sandbox.store, views.account_of(sandbox, subdomain), "all")
    return page(request, "maintenance_windows", subdomain=subdomain, windows=rows[:_MOST_SHOWN])
