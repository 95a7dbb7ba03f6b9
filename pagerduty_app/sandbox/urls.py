"""Every route of the sandbox: sign-in, REST API (US, and EU under /eu), pages, control."""

from django.urls import include, path

from pagerduty_app.sandbox import identity
from pagerduty_app.sandbox.control import events, views
from pagerduty_app.sandbox.control import incident_parts as incident_controls
from pagerduty_app.sandbox.control import schedules as control
from pagerduty_app.sandbox.pages import apps, faults, webhooks
from pagerduty_app.sandbox.pages import incidents as pages
from pagerduty_app.sandbox.pages import maintenance_windows as window_pages
from pagerduty_app.sandbox.rest import (
    delegations,
    directory,
    incident_parts,
    incident_workflows,
    incidents,
    maintenance_windows,
    overrides,
    response,
    schedules,
    subscriptions,
)

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
    path("incidents/types", directory.incident_types),
    path("incidents/<str:incident_id>", incidents.one),
    path("incidents/<str:incident_id>/notes", incidents.notes),
    path("incidents/<str:incident_id>/log_entries", incidents.log_entries),
    path("incidents/<str:incident_id>/snooze", response.snooze),
    path("incidents/<str:incident_id>/merge", response.merge),
    path("incidents/<str:incident_id>/responder_requests", response.responder_requests),
    path("incidents/<str:incident_id>/status_updates", response.status_updates),
    path("incidents/<str:incident_id>/custom_fields/values", response.custom_fields),
    path("incidents/<str:incident_id>/alerts", incident_parts.alerts),
    path("incidents/<str:incident_id>/past_incidents", incident_parts.past_incidents),
    path("incident_workflows", incident_workflows.collection),
    path("incident_workflows/<str:some_id>/instances", incident_workflows.instances),
    path("maintenance_windows", maintenance_windows.collection),
    path("users/me", directory.me),
    path("users/<str:some_id>/oauth_delegations/<str:delegation_id>", delegations.delegation),
    path("schedules/<str:some_id>/users", schedules.users),
    path("schedules/<str:some_id>/overrides", overrides.layer_based),
    path("schedules/<str:some_id>", schedules.layer_based),
    path("v3/schedules", schedules.all_shift_based),
    path("v3/schedules/<str:some_id>", schedules.shift_based_one),
    path("v3/schedules/<str:some_id>/overrides", overrides.override_shifts),
    path("v3/schedules/<str:some_id>/custom_shifts", overrides.custom_shifts),
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
    path("state", views.state),
    path("reset", views.reset),
    path("faults", views.faults),
    path("settings", views.settings),
    path("subscriptions", views.subscriptions),
    path("subscriptions/<str:some_id>/ping", views.ping),
    path("deliveries", views.deliveries),
    path("events", events.events),
    path("incidents", views.incidents),
    path("incidents/<str:incident_id>", views.incident),
    path("incidents/<str:incident_id>/alerts", incident_controls.alerts),
    path("incidents/<str:incident_id>/<str:what>", views.act),
    path("schedules/<str:some_id>", control.schedule),
    path("schedules/<str:some_id>/overrides", control.overrides),
    path("schedules/<str:some_id>/custom_shifts", control.custom_shifts),
    path("schedules/<str:some_id>/upgrade", control.upgrade),
    path("schedules/<str:some_id>/on_call", control.on_call),
    path("escalation_policies/<str:some_id>", control.policy),
    path("grants/revoke", views.revoke_grants),
    path("requests", views.requests),
    path("style.css", pages.style),
]

_ANONYMOUS = "global/oauth/anonymous/"
urlpatterns = [
    path("", pages.home),
    path("app/faults", faults.faults),
    path("app/incidents/<str:incident_id>", pages.incident),
    path("app/<str:subdomain>/incidents", pages.incidents),
    path("app/<str:subdomain>/maintenance_windows", window_pages.maintenance_windows),
    path("app/<str:subdomain>/webhooks", webhooks.webhooks),
    path("app/<str:subdomain>/webhooks/<str:some_id>", webhooks.webhook),
    path("app/users/<str:user_id>", apps.authorized),
    path("oauth_apps/<str:app_id>", apps.app),
    path("oauth/authorize", identity.authorize),
    path("oauth/token", identity.token),
    path(f"{_ANONYMOUS}jwks", identity.jwks),
    path(f"{_ANONYMOUS}.well-known/openid-configuration", identity.discovery),
    path("_sandbox/", include(_control)),
    path("eu/", include(rest), {"region": "eu"}),
    path("", include(rest)),
]
