"""Routes of Settings → Data."""

from django.urls import path

from workflows.pages import data

app_name = "data"
urlpatterns = [
    path("settings/data/", data.overview, name="overview"),
    path("settings/data/change/", data.change, name="change"),
]
