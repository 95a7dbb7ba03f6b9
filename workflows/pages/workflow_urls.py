"""Routes of workflows and runs."""

from django.urls import path

from workflows.pages import editor_urls, portable, replays, run_again, runs, versions, workflows

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
    path(f"{_WORKFLOW}duplicate/", versions.duplicate, name="duplicate"),
    path(f"{_WORKFLOW}export/", portable.export, name="export"),
    path(f"{_WORKFLOW}versions/", versions.version_list, name="versions"),
    path(f"{_WORKFLOW}versions/difference/", versions.difference, name="difference"),
    path(f"{_WORKFLOW}versions/<int:number>/roll-back/", versions.roll_back, name="roll_back"),
    path(f"{_WORKFLOW}versions/<int:number>/draft/", versions.take_into_draft, name="take_into_draft"),
    path("workflows/import/", portable.bring_in, name="import"),
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
    path(f"{_RUN}replay/", run_again.retry, name="replay"),
    path(f"{_RUN}replay/from-start/", run_again.from_start, name="replay_from_start"),
]
