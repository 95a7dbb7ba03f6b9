"""OAuth consent without a browser: our own views in this process, the provider's pages over real HTTP."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from django.test import Client
from django.urls import reverse

from connections.models import User

_TIMEOUT = (3.05, 15)
_MOST_PAGES = 10
# Consents for the demo agency.
DANA = "dana@acme.example"


class ConsentFailed(Exception):
    """The provider did not redirect back; the message says where it ended."""


class _FirstForm(HTMLParser):
    """The first form of a page, filled in: the option that names the person, and the first button."""

    def __init__(self, person: str) -> None:
        super().__init__()
        self._person = person
        self.action: str | None = None
        self.method = "get"
        self.values: dict[str, str] = {}
        self._done = False
        self._pressed = False
        self._select: str | None = None
        self._option: str | None = None
        self._chosen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._done:
            return
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action, self.method = given.get("action", ""), given.get("method", "get").lower()
        elif self.action is None:
            return
        elif tag == "select":
            self._select, self._chosen = given.get("name"), False
        elif tag == "option" and self._select:
            self._option = given.get("value", "")
            if self._select not in self.values or ("selected" in given and not self._chosen):
                self.values[self._select] = self._option
        elif tag in {"input", "button"}:
            self._take(given, kind=given.get("type", "submit" if tag == "button" else "text"))

    def _take(self, given: dict[str, str], *, kind: str) -> None:
        name = given.get("name")
        if kind == "submit":
            if self._pressed:
                return
            self._pressed = True
        elif kind in {"checkbox", "radio"} and "checked" not in given:
            return
        if name:
            self.values[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if not self._done and self._select and self._option is not None and self._person in data:
            self.values[self._select], self._chosen = self._option, True

    def handle_endtag(self, tag: str) -> None:
        if tag == "option":
            self._option = None
        elif tag == "select":
            self._select = None
        elif tag == "form" and self.action is not None:
            self._done = True


def give(user: User, start: str, form: dict[str, Any], *, person: str = DANA) -> str:
    """Go through the real OAuth flow as `user`, beginning with a post of `form` to our page `start`.

    person: the address of the one who consents, where the provider's page offers several. Return the path of the last
    page. Raise ConsentFailed.
    """
    public = urlsplit(settings.PUBLIC_BASE_URL)
    port = str(public.port or (443 if public.scheme == "https" else 80))
    environ: dict[str, Any] = {
        "SERVER_NAME": public.hostname,
        "SERVER_PORT": port,
        "wsgi.url_scheme": public.scheme,
    }
    browser = Client(**environ)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    answer = browser.post(start, form)
    if answer.status_code != 302:
        raise ConsentFailed(f"Starting to connect answered {answer.status_code}.")
    back = _consent(answer["Location"], settings.PUBLIC_BASE_URL + reverse("pagerduty_callback"), person)
    parts = urlsplit(back)
    answer = browser.get(f"{parts.path}?{parts.query}")
    if answer.status_code != 302:
        raise ConsentFailed(f"The callback answered {answer.status_code}.")
    return str(answer["Location"])


def _consent(url: str, callback: str, person: str) -> str:
    """Authorize on the provider's pages until they redirect to `callback`; return that URL."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, allow_redirects=False, timeout=_TIMEOUT)
        for _ in range(_MOST_PAGES):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if target.startswith(callback):
                    return target
                answer = session.get(target, allow_redirects=False, timeout=_TIMEOUT)
                continue
            form = _FirstForm(person)
            form.feed(answer.text)
            if answer.status_code != 200 or form.action is None:
                break
            target = urljoin(answer.url, form.action)
            sent = {"data" if form.method == "post" else "params": form.values}
            answer = session.request(
                form.method,
                target,
                allow_redirects=False,
                timeout=_TIMEOUT,
                **sent,  # type: ignore[arg-type]
            )
    raise ConsentFailed(f"The provider's page answered {answer.status_code} instead of leading back to us.")
