"""The page where an admin installs a public scoped app in an account, or removes it again."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from pagerduty_app.sandbox.control import views
from pagerduty_app.sandbox.gate import sandbox_of
from pagerduty_app.sandbox.pages.incidents import page
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
