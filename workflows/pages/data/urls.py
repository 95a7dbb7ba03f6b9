"""Routes of Settings → Data."""

from django.urls import path

from workflows.pages.data import views

app_name = "data"
urlpatterns = [
    path("settings/data/", views.overview, name="overview"),
    path("settings/data/change/", views.change, name="change"),
]
