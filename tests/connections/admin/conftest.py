"""Support staff and a superuser, signed in to the admin."""

import pytest
from django.test import Client

from connections.models import User
from tests.connections.admin.staff import staff
from tests.support.browser import signed_in


@pytest.fixture
def support(db: None) -> Client:
    return staff(User.objects.create_user("sam@taskjuice.example"), "Support")


@pytest.fixture
def root(db: None) -> Client:
    return signed_in(User.objects.create_superuser("root@taskjuice.example"))
