"""The session for requests to PagerDuty: it keeps connections between requests, and nothing else."""

from http.cookiejar import DefaultCookiePolicy

import requests


class PlainSession(requests.Session):
    """A session without proxies or passwords of the environment, without cookies, without redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: requests would otherwise read the whole body for a redirect that is not followed."""
        return
