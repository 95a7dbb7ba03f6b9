"""Every route of the product, with those of Acme where allauth mounts them for an installed app."""

from django.urls import include, path

from taskjuice import urls

urlpatterns = [path("accounts/", include("tests.acme_provider.urls")), *urls.urlpatterns]
