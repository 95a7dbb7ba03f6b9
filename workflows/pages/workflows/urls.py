"""Routes of workflows and runs."""

from django.urls import path

from workflows.pages.editor import urls
from workflows.pages.runs import replays, run_again, views
from workflows.pages.workflows import import_export, versions
from workflows.pages.workflows import views as workflows

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
    path(f"{_WORKFLOW}export/", import_export.export, name="export"),
    path(f"{_WORKFLOW}versions/", versions.version_list, name="versions"),
    path(f"{_WORKFLOW}versions/difference/", versions.difference, name="difference"),
    path(f"{_WORKFLOW}versions/<int:number>/roll-back/", versions.roll_back, name="roll_back"),
    path(f"{_WORKFLOW}versions/<int:number>/draft/", versions.take_into_draft, name="take_into_draft"),
    path("workflows/import/", import_export.bring_in, name="import"),
    *urls.urlpatterns,
    path("runs/", views.run_list, name="runs"),
    path("runs/replay/", replays.start, name="replay_all"),
    path(_REPLAY, replays.progress, name="replay_progress"),
    path(f"{_REPLAY}cancel/", replays.cancel, name="replay_cancel"),
    path(_RUN, views.detail, name="run"),
    path(f"{_RUN}progress/", views.progress, name="run_progress"),
    path(f"{_RUN}cancel/", views.cancel, name="cancel"),
    path(f"{_RUN}pause/", views.pause, name="pause_run"),
    path(f"{_RUN}resume/", views.resume, name="resume_run"),
    path(f"{_RUN}replay/", run_again.retry, name="replay"),
    path(f"{_RUN}replay/from-start/", run_again.from_start, name="replay_from_start"),
]
