"""What other packages put into the Django admin, and nobody should find there."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success


def take_out() -> None:
    """A Schedule runs any code by its name, an Authenticator shows its secret; the others are always empty."""
    for model in (Schedule, OrmQ, Success, Failure, Authenticator, SocialAccount, SocialApp, SocialToken):
        if admin.site.is_registered(model):
            admin.site.unregister(model)
