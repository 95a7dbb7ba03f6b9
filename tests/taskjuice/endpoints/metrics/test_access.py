"""Who may read /metrics."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from tests.taskjuice.endpoints.metrics.reading import ROOT, TOKEN

pytestmark = pytest.mark.django_db


class TestWhoMayReadIt:
    @pytest.mark.parametrize(
        ("header", "status"),
        [
            (f"Bearer {TOKEN}", 200),
            (f"bearer  {TOKEN} ", 200),
            ("", 401),
            ("Bearer", 401),
            (f"Bearer {TOKEN}x", 401),
            (f"Bearer {TOKEN[:-1]}", 401),
            (f"Basic {TOKEN}", 401),
            ("Bearer \u00fc\ud800", 401),
            ("Bearer " + "x" * 100_000, 401),
        ],
    )
    def test_a_token_that_is_set_is_asked_for_everywhere(
        self, settings: Any, header: str, status: int
    ) -> None:
        settings.METRICS_TOKEN = TOKEN

        answer = Client().get("/metrics", HTTP_AUTHORIZATION=header)

        assert answer.status_code == status
        if status == 401:
            assert answer["WWW-Authenticate"] == "Bearer"
            assert answer.content == b""

    def test_without_one_there_is_no_such_page_in_production(self, settings: Any) -> None:
        settings.DEVELOPMENT = False
        assert Client().get("/metrics").status_code == 404
        assert Client().get("/metrics", HTTP_AUTHORIZATION="Bearer ").status_code == 404

    @pytest.mark.parametrize(
        ("seen", "status"),
        [
            ({}, 200),
            ({"REMOTE_ADDR": "::1"}, 200),
            ({"REMOTE_ADDR": "10.0.0.7"}, 404),
            ({"HTTP_X_FORWARDED_FOR": "10.0.0.7"}, 404),
        ],
    )
    def test_without_one_only_this_machine_gets_in_in_development(
        self, seen: dict[str, Any], status: int
    ) -> None:
        assert Client().get("/metrics", **seen).status_code == status

    def test_it_is_for_reading(self) -> None:
        assert Client().post("/metrics").status_code == 405


def test_a_token_that_could_be_guessed_stops_the_start() -> None:
    env = {"PATH": os.environ["PATH"], "METRICS_TOKEN": "short"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "METRICS_TOKEN needs at least 16 characters" in done.stderr
