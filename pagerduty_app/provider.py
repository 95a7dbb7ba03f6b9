"""PagerDuty as allauth knows it."""

from typing import Any

from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider

from pagerduty_app.oauth.own_apps import OWN
from pagerduty_app.oauth.tokens import asked_scopes
from pagerduty_app.views import PagerDutyOAuth2Adapter


class PagerDutyProvider(OAuth2Provider):  # type: ignore[misc]
    """PKCE is always on: scoped apps require it, classic ones recommend it."""

    id = "pagerduty"
    name = "PagerDuty"
    account_class = ProviderAccount
    oauth2_adapter_class = PagerDutyOAuth2Adapter
    pkce_enabled_default = True

    def get_scope(self) -> list[str]:
        return asked_scopes(own_app=bool(self.app.settings.get(OWN)))

    def extract_uid(self, data: dict[str, Any]) -> str:
        return str(data["user_id"])


provider_classes = [PagerDutyProvider]
