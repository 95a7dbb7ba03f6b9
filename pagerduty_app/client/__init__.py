"""A client of PagerDuty's REST API v2: plain Python on requests, independent of Django and of this product."""

from pagerduty_app.client.api import Api
from pagerduty_app.client.errors import PagerDutyError
from pagerduty_app.client.paging import Walk
from pagerduty_app.client.rate_limit_headers import Limits

__all__ = ["Api", "Limits", "PagerDutyError", "Walk"]
