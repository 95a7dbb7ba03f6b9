"""Pages about apps: an admin installs one in an account; a user sees and removes those that they have authorized."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from pagerduty_app.sandbox.control import views
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.pages.incidents import page
from pagerduty_app.sandbox.refusals import not_found
from pagerduty_app.sandbox.world import apps


@require_http_methods(["GET", "POST"])
def app(request: HttpRequest, app_id: str) -> HttpResponse:
    """Show the accounts and whether the app is installed in each; POST {"account", "installed"} changes it."""
    sandbox = sandbox_of(request)
    if request.method == "POST":
        account = views.account_of(sandbox, request.POST.get("account", ""))
        apps.install(sandbox.store, account, installed=request.POST.get("installed") == "yes")
        return HttpResponseRedirect(request.path)
    rows = [
        (account["subdomain"], apps.is_installed(sandbox.store, account["id"]))
        for account in sandbox.store.all("account")
    ]
    return page(request, "app", app_id=app_id, rows=rows)


@require_http_methods(["GET", "POST"])
def authorized(request: HttpRequest, user_id: str) -> HttpResponse:
    """Show the user's authorizations; POST {"grant"} removes one."""
    sandbox = sandbox_of(request)
    user = sandbox.store.get("user", user_id)
    if user is None:
        raise not_found()
    if request.method == "POST":
        sandbox.tokens.revoke(id=request.POST.get("grant", ""), user=user_id)
        return HttpResponseRedirect(request.path)
    grants = [row for row in sandbox.store.all("grant") if row["user"] == user_id and not row["revoked"]]
    return page(request, "user", user=user, grants=grants)
