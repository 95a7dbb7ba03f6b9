"""`manage.py tell_story`: the demo's story against a running server and sandbox."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from requests import RequestException

from taskjuice.demo.consent import ConsentFailed
from taskjuice.demo.seed import seed
from taskjuice.demo.story import Story, StoryFailed


class Command(BaseCommand):
    help = "Run the demo over HTTP and print each step; fails if a step fails."

    def handle(self, **options: Any) -> None:
        began = time.monotonic()
        try:
            made = seed()
            Story(made, settings.PAGERDUTY_IDENTITY_URL, self._tell).tell_all()
        except (ConsentFailed, StoryFailed, RequestException) as error:
            # `demo` keeps everything but these lines for its log file, so the reason is one of them.
            self._tell(f"Step failed: {error}")
            raise CommandError("Demo failed.") from error
        self._tell(f"Demo completed in {time.monotonic() - began:.1f} s.")
        self._tell(f"API key: {made['api_key']} (documentation at {made['base_url']}/api/docs/)")
        self._tell(f"Sign in at {made['base_url']} as {made['email']} with the password {made['password']}")
        self._tell(f"PagerDuty’s side (the sandbox): {settings.PAGERDUTY_IDENTITY_URL}")
        self._tell(f"Make it fail (429, 401, lost answers, …): {settings.PAGERDUTY_IDENTITY_URL}/app/faults")

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
