"""Every route of the sandbox: sign-in, REST API (US, and EU under /eu), pages, control."""

from django.urls import include, path

from pagerduty_app.sandbox import control, fault_pages, identity, pages, schedule_control, webhook_pages
from pagerduty_app.sandbox.rest import directory, incidents, subscriptions

_LISTINGS = {
    "service": ("services", "services.read"),
    "user": ("users", "users.read"),
    "schedule": ("schedules", "schedules.read"),
    "team": ("teams", "teams.read"),
    "priority": ("priorities", "priorities.read"),
    "escalation_policy": ("escalation_policies", "escalation_policies.read"),
}

rest = [
    path("incidents", incidents.collection),
    path("incidents/<str:incident_id>", incidents.one),
    path("incidents/<str:incident_id>/notes", incidents.notes),
    path("incidents/<str:incident_id>/log_entries", incidents.log_entries),
    path("users/me", directory.me),
    path("schedules/<str:some_id>/users", directory.schedule_users),
    path("schedules/<str:some_id>", directory.schedule),
    path("oncalls", directory.oncalls),
    path("webhook_subscriptions", subscriptions.collection),
    path("webhook_subscriptions/<str:some_id>", subscriptions.one),
    path("webhook_subscriptions/<str:some_id>/ping", subscriptions.ping),
    path("webhook_subscriptions/<str:some_id>/enable", subscriptions.enable),
]
for kind, (plural, scope) in _LISTINGS.items():
    rest.append(path(plural, directory.listing(kind, plural, scope)))
    rest.append(path(f"{plural}/<str:some_id>", directory.single(kind, scope)))

_control = [
    path("state", control.state),
    path("reset", control.reset),
    path("faults", control.faults),
    path("settings", control.settings),
    path("subscriptions", control.subscriptions),
    path("subscriptions/<str:some_id>/ping", control.ping),
    path("deliveries", control.deliveries),
    path("incidents", control.incidents),
    path("incidents/<str:incident_id>", control.incident),
    path("incidents/<str:incident_id>/<str:what>", control.act),
    path("schedules/<str:some_id>", schedule_control.schedule),
    path("schedules/<str:some_id>/overrides", schedule_control.overrides),
    path("grants/revoke", control.revoke_grants),
    path("requests", control.requests),
    path("style.css", pages.style),
]

_ANONYMOUS = "global/oauth/anonymous/"
urlpatterns = [
    path("", pages.home),
    path("app/faults", fault_pages.faults),
    path("app/incidents/<str:incident_id>", pages.incident),
    path("app/<str:subdomain>/incidents", pages.incidents),
    path("app/<str:subdomain>/webhooks", webhook_pages.webhooks),
    path("app/<str:subdomain>/webhooks/<str:some_id>", webhook_pages.webhook),
    path("oauth/authorize", identity.authorize),
    path("oauth/token", identity.token),
    path(f"{_ANONYMOUS}jwks", identity.jwks),
    path(f"{_ANONYMOUS}.well-known/openid-configuration", identity.discovery),
    path("_sandbox/", include(_control)),
    path("eu/", include(rest), {"region": "eu"}),
    path("", include(rest)),
]
