"""The look-up of each write whose response was lost, before it is repeated: data of docs/errors.md."""

_LATER = "Otherwise it is sent again, once the first request can no longer take effect."
LOOK_UPS = {
    "pagerduty/create-incident": (
        "`GET /incidents` by incident key and service. An incident with the key of this request is the result. "
        "Otherwise it is sent again; PagerDuty refuses a second open incident with that key."
    ),
    "pagerduty/create-incident-note": (
        "`GET /incidents/{id}/notes`. A note with this text by this user, which is not the result of an equal request, "
        f"is the result. {_LATER}"
    ),
    "pagerduty/update-incident": (
        "`GET /incidents/{id}/log_entries` for a new escalation, where one was asked for, or a new assignment by "
        "this user. Else for a change of status by this user, and `GET /incidents/{id}` for the values of the other "
        "fields, all of which the incident must have. Otherwise what the present state leaves to do is sent again; if "
        "it notifies, once the first request can no longer take effect."
    ),
    "pagerduty/snooze-incident": (
        f"`GET /incidents/{{id}}/log_entries` for a new snooze of this length by this user. {_LATER}"
    ),
    "pagerduty/merge-incidents": (
        "`GET /incidents/{id}` of each source: `resolve_reason` names the target of a merged one. The others are sent "
        "again, once the first request can no longer take effect."
    ),
    "pagerduty/add-responders": (
        "`GET /incidents/{id}` for an entry of `responder_requests` with this requester, message and targets, which is "
        f"not the result of an equal request. {_LATER}"
    ),
    "pagerduty/publish-status-update": (
        "none: no request of PagerDuty lists status updates, and its log has no entries for them. It is not sent "
        "again; the request fails with `status_update_unconfirmed`."
    ),
    "pagerduty/start-incident-workflow": (
        "none: no request of PagerDuty lists started incident workflows, and its log has no entries for them. It is "
        "not sent again; the request fails with `incident_workflow_unconfirmed`."
    ),
    "pagerduty/create-maintenance-window": (
        "`GET /maintenance_windows` of the first service, past ones too, for one by this user with this description, "
        "these services and this start, which was not there before the first attempt and is not the result of an equal "
        "request. A start that has passed may be later there, and the end earlier: a person may have ended it. "
        "Otherwise it is sent again for the same time, once the first request can no longer take effect; if that time "
        "is over, the request fails with `invalid_input`."
    ),
    "pagerduty/set-custom-fields": (
        "`GET /incidents/{id}/custom_fields/values`. Values that differ are sent again, once the first request can no "
        "longer take effect."
    ),
    "pagerduty/create-override": (
        "`GET /schedules/{id}/overrides` during the time of the override; of a shift-based schedule "
        "`GET /v3/schedules/{id}/overrides` and `…/custom_shifts`. New ones with this user, end and start are the "
        "result; a start that has passed may be later there, and the end earlier: a person may have ended it. If the "
        "schedule was upgraded since, the result is that "
        f"the user alone is on call. {_LATER}"
    ),
}
