"""Recognition of URLs of PagerDuty's own pages. Only those become links on our pages."""

import re

from django.conf import settings

_PAGE = re.compile(r"https://([a-z0-9-]+\.)*pagerduty\.com(/[\x21-\x7e]*)?")


def owns_link(url: str) -> bool:
    """A page of an account is at https://<subdomain>.pagerduty.com, also in the EU (developer docs); the sandbox's
    pages are where it signs people in."""
    if _PAGE.fullmatch(url):
        return True
    return bool(settings.DEVELOPMENT) and url.startswith(f"{settings.PAGERDUTY_IDENTITY_URL}/")
