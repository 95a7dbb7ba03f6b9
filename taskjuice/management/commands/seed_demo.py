"""`manage.py seed_demo`: demo data, for people to look at and for other software to test with."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from requests import RequestException

from taskjuice.demo.consent import ConsentFailed
from taskjuice.demo.seed import seed


class Command(BaseCommand):
    help = "Create a demo agency with a connection and triggers (idempotent) and print how to use them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, **options: Any) -> None:
        try:
            made = seed()
        except (ConsentFailed, RequestException) as error:
            raise CommandError(f"The demo connection could not be created: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        self.stdout.write(f"Sign in at {made['base_url']} as {made['email']} with {made['password']}")
        self.stdout.write(f"API key: {made['api_key']}")
        for key, trigger in made["triggers"].items():
            self.stdout.write(f"{key}: {trigger['url']}")
