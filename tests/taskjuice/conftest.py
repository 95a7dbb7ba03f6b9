"""A running sandbox that the settings point at."""

# pytest takes fixtures over by name.
from tests.pagerduty_app.conftest import sandbox, server

__all__ = ["sandbox", "server"]
