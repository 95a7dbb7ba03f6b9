"""Acme's two OAuth routes."""

from connections.connecting.callback import consent_urls

urlpatterns = consent_urls("acme")
