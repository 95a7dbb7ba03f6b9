"""Routes of workflows and runs."""

from django.urls import path

from workflows.pages import editor_urls, replays, runs, workflows

app_name = "workflows"
_WORKFLOW = "workflows/<uuid:workflow_id>/"
_RUN = "runs/<uuid:run_id>/"
_REPLAY = "runs/replay/<uuid:replay_id>/"
urlpatterns = [
    path("workflows/", workflows.workflow_list, name="list"),
    path(_WORKFLOW, workflows.detail, name="detail"),
    path(f"{_WORKFLOW}pause/", workflows.set_status, {"status": "paused"}, name="pause"),
    path(f"{_WORKFLOW}resume/", workflows.set_status, {"status": "active"}, name="resume"),
    path(f"{_WORKFLOW}archive/", workflows.set_status, {"status": "archived"}, name="archive"),
    *editor_urls.urlpatterns,
    path("runs/", runs.run_list, name="runs"),
    path("runs/replay/", replays.start, name="replay_all"),
    path(_REPLAY, replays.progress, name="replay_progress"),
    path(f"{_REPLAY}cancel/", replays.cancel, name="replay_cancel"),
    path(_RUN, runs.detail, name="run"),
    path(f"{_RUN}progress/", runs.progress, name="run_progress"),
    path(f"{_RUN}cancel/", runs.cancel, name="cancel"),
    path(f"{_RUN}pause/", runs.pause, name="pause_run"),
    path(f"{_RUN}resume/", runs.resume, name="resume_run"),
    path(f"{_RUN}replay/", runs.replay, name="replay"),
]
