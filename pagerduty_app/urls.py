"""The two OAuth routes; allauth mounts them under /accounts/. Every other route is in taskjuice/urls.py."""

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from pagerduty_app.provider import PagerDutyProvider

urlpatterns = default_urlpatterns(PagerDutyProvider)
