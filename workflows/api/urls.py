"""Routes of this room under /api/v1/."""

from django.urls import path

from workflows.api import actions, catalog, events, hooks, lookups, replays, retention, runs, triggers
from workflows.api.authoring import draft_tests, versions, workflows

urlpatterns = [
    path("catalog/", catalog.Catalog.as_view(), name="api_catalog"),
    path(
        "connections/<uuid:connection_id>/actions/<slug:provider>/<slug:action>/",
        actions.RunAction.as_view(),
        name="api_run_action",
    ),
    path(
        "connections/<uuid:connection_id>/lookups/<slug:provider>/<slug:name>/",
        lookups.LookupOptions.as_view(),
        name="api_lookup",
    ),
    path("action-calls/<uuid:call_id>/", actions.CallDetail.as_view(), name="api_call"),
    path("triggers/", triggers.Triggers.as_view(), name="api_triggers"),
    path("triggers/<uuid:trigger_id>/", triggers.TriggerDetail.as_view(), name="api_trigger"),
    path("triggers/<uuid:trigger_id>/secrets/", triggers.Secrets.as_view(), name="api_secrets"),
    path(
        "triggers/<uuid:trigger_id>/secrets/<uuid:secret_id>/",
        triggers.SecretDetail.as_view(),
        name="api_secret",
    ),
    path("triggers/<uuid:trigger_id>/webhook/", triggers.TriggerWebhook.as_view(), name="api_webhook"),
    path(
        "triggers/<uuid:trigger_id>/webhook/rotate/",
        triggers.RotateWebhook.as_view(),
        name="api_rotate_webhook",
    ),
    path("triggers/<uuid:trigger_id>/test/", triggers.TestTrigger.as_view(), name="api_test_trigger"),
    path("events/", events.Events.as_view(), name="api_events"),
    path("events/<uuid:event_id>/", events.EventPage.as_view(), name="api_event"),
    path("events/<uuid:event_id>/requeue/", events.RequeueEvent.as_view(), name="api_requeue"),
    path("workflows/", workflows.Workflows.as_view(), name="api_workflows"),
    path("workflows/<uuid:workflow_id>/", workflows.WorkflowDetail.as_view(), name="api_workflow"),
    path("workflows/<uuid:workflow_id>/publish/", workflows.PublishWorkflow.as_view(), name="api_publish"),
    path("workflows/import/", versions.ImportWorkflow.as_view(), name="api_import"),
    path("workflows/<uuid:workflow_id>/diff/", versions.Difference.as_view(), name="api_difference"),
    path(
        "workflows/<uuid:workflow_id>/duplicate/", versions.DuplicateWorkflow.as_view(), name="api_duplicate"
    ),
    path("workflows/<uuid:workflow_id>/export/", versions.ExportWorkflow.as_view(), name="api_export"),
    path("workflows/<uuid:workflow_id>/rollback/", versions.RollBackWorkflow.as_view(), name="api_roll_back"),
    path("workflows/<uuid:workflow_id>/versions/", versions.Versions.as_view(), name="api_versions"),
    path(
        "workflows/<uuid:workflow_id>/versions/<int:number>/",
        versions.VersionDetail.as_view(),
        name="api_version",
    ),
    path("workflows/<uuid:workflow_id>/test/", draft_tests.TestWorkflow.as_view(), name="api_test_workflow"),
    path("hooks/", hooks.Hooks.as_view(), name="api_hooks"),
    path("hooks/<uuid:hook_id>/", hooks.HookDetail.as_view(), name="api_hook"),
    path("hooks/<uuid:hook_id>/secrets/", hooks.HookSecrets.as_view(), name="api_hook_secrets"),
    path("hooks/<uuid:hook_id>/test/", hooks.TestHook.as_view(), name="api_test_hook"),
    path("hooks/<uuid:hook_id>/deliveries/", hooks.HookDeliveries.as_view(), name="api_hook_deliveries"),
    path(
        "hooks/<uuid:hook_id>/deliveries/<uuid:delivery_id>/replay/",
        hooks.ReplayHookDelivery.as_view(),
        name="api_replay_hook_delivery",
    ),
    path("retention/", retention.Retention.as_view(), name="api_retention"),
    path("runs/", runs.Runs.as_view(), name="api_runs"),
    path("runs/replay/", replays.StartReplay.as_view(), name="api_replay_selection"),
    path("runs/replay/<uuid:replay_id>/", replays.ReplayDetail.as_view(), name="api_replay_progress"),
    path("runs/replay/<uuid:replay_id>/cancel/", replays.CancelReplay.as_view(), name="api_replay_cancel"),
    path("runs/<uuid:run_id>/", runs.RunPage.as_view(), name="api_run"),
    path("runs/<uuid:run_id>/replay/", runs.ReplayRun.as_view(), name="api_replay"),
    path("runs/<uuid:run_id>/cancel/", runs.CancelRun.as_view(), name="api_cancel"),
    path("runs/<uuid:run_id>/pause/", runs.PauseRun.as_view(), name="api_pause"),
    path("runs/<uuid:run_id>/resume/", runs.ResumeRun.as_view(), name="api_resume"),
]
