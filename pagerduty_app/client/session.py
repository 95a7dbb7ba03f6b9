"""The session that requests to PagerDuty leave by: nothing kept between them but the connections."""

from http.cookiejar import DefaultCookiePolicy

import requests


class PlainSession(requests.Session):
    """No proxy or password from the environment, no cookies from one tenant to the next, no redirects."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: even where redirects are not followed, requests would read the whole body for the next one."""
        return
