"""Routes of this room's pages."""

from django.urls import path

from connections.pages import audit, joining, keys, notifications, people, sessions, workspaces
from connections.pages.connecting import client, client_links, connections, oauth_apps, revoking

app_name = "connections"
_CONNECTION = "settings/connections/<uuid:connection_id>/"
urlpatterns = [
    path("", connections.index, name="index"),
    path("workspace/", workspaces.switch, name="switch"),
    path("notifications/", notifications.notification_list, name="notifications"),
    path("notifications/bell/", notifications.bell, name="bell"),
    path("notifications/read/", notifications.read_all, name="notifications_read"),
    path("notifications/<uuid:notification_id>/", notifications.notification, name="notification"),
    path("settings/notifications/", notifications.settings, name="notification_settings"),
    path("settings/connections/", connections.connection_list, name="list"),
    path("settings/connections/add/", connections.connect, name="connect"),
    path(_CONNECTION, connections.detail, name="detail"),
    path(f"{_CONNECTION}change/", connections.change, name="change"),
    path(f"{_CONNECTION}reconnect/", connections.reconnect, name="reconnect"),
    path(f"{_CONNECTION}reconnect/choose/", connections.reconnect_choose, name="reconnect_choose"),
    path(f"{_CONNECTION}check/", connections.check, name="check"),
    path(f"{_CONNECTION}revoke/", revoking.revoke, name="revoke"),
    path(f"{_CONNECTION}receipt/", revoking.receipt, name="receipt"),
    path(f"{_CONNECTION}receipt/check/", revoking.check_revocation, name="check_revocation"),
    path(f"{_CONNECTION}audit/", audit.of_connection, name="connection_audit"),
    path("settings/workspaces/", workspaces.workspace_list, name="workspaces"),
    path("settings/workspaces/add/", workspaces.add, name="workspace_add"),
    path("settings/workspaces/<uuid:workspace_id>/rename/", workspaces.rename, name="workspace_rename"),
    path("settings/workspaces/<uuid:workspace_id>/app/", oauth_apps.own_app, name="own_app"),
    path("settings/workspaces/<uuid:workspace_id>/app/stop/", oauth_apps.stop_own_app, name="own_app_stop"),
    path("settings/agency/", workspaces.rename_agency, name="agency"),
    path("settings/api-keys/", keys.key_list, name="keys"),
    path("settings/api-keys/add/", keys.add_key, name="key_add"),
    path("settings/api-keys/<uuid:key_id>/revoke/", keys.revoke_key, name="key_revoke"),
    path("settings/audit/", audit.of_agency, name="audit"),
    path("settings/people/", people.people_list, name="people"),
    path("settings/people/second-factor/", people.second_factor, name="second_factor"),
    path("settings/sessions/", sessions.session_list, name="sessions"),
    path("settings/sessions/end-others/", sessions.end_others, name="sessions_end"),
    path("settings/sessions/<int:session_id>/end/", sessions.end, name="session_end"),
    path("settings/people/leave/", people.leave, name="leave"),
    path("settings/people/<int:membership_id>/role/", people.change_role, name="person_role"),
    path("settings/people/<int:membership_id>/remove/", people.remove, name="person_remove"),
    path("settings/people/<int:membership_id>/hand-over/", people.hand_over, name="hand_over"),
    path("settings/invitations/<uuid:invitation_id>/again/", people.invite_again, name="invite_again"),
    path(
        "settings/invitations/<uuid:invitation_id>/cancel/",
        people.cancel_invitation,
        name="invitation_cancel",
    ),
    path("settings/client-links/add/", client_links.add, name="link_add"),
    path(f"{_CONNECTION}link/", client_links.progress, name="link_progress"),
    path(f"{_CONNECTION}link/again/", client_links.send_again, name="link_again"),
    path(f"{_CONNECTION}link/cancel/", client_links.cancel, name="link_cancel"),
    path("join/", joining.join, name="join"),
    path("settings/agency/new/", joining.found, name="found"),
    path("client/", client.client, name="client"),
    path("client/agree/", client.agree, name="client_agree"),
    path("client/ask-again/", client.ask_again, name="client_ask_again"),
    path("client/done/", client.done, name="client_done"),
]
