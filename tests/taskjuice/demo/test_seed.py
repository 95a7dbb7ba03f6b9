"""Demo data made again: on the same rows, with a key that works, against a sandbox that has forgotten everything."""

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from connections.accounts import api_keys
from connections.models import ApiKey, Connection
from connections.tenancy.actor import Actor
from pagerduty_app.sandbox.sandbox import Sandbox
from taskjuice.demo.seed import TRIGGERS, seed
from taskjuice.demo.story import Story
from workflows.inbox.limits import MAX_SECRETS
from workflows.models import Trigger, TriggerSecret

pytestmark = pytest.mark.django_db


class InProcess(Story):
    """The story with our own server asked in this process; no webhook is confirmed."""

    def __init__(self, seeded: dict[str, Any], sandbox: Sandbox, client: Any) -> None:
        super().__init__(seeded, sandbox.base_url, lambda line: None)
        self.client = client

    def ours(self, method: str, path: str, body: Any = None, *, ok: int = 200, **headers: str) -> Any:
        ask = getattr(self.client, method.lower())
        answer = ask(f"/api/v1/{path}", body, content_type="application/json", headers=self.auth)
        assert answer.status_code == ok, answer.content
        return answer.json() if answer.content else {}

    def _confirmed(self, key: str) -> str:
        return ""


def test_the_same_again_changes_nothing(sandbox: Sandbox, client: Any) -> None:
    first = seed()
    InProcess(first, sandbox, client).confirm_webhooks()
    kept = {model: model.objects.count() for model in (Connection, Trigger, TriggerSecret, ApiKey)}

    again = seed()
    InProcess(again, sandbox, client).confirm_webhooks()

    assert again == first
    assert {model: model.objects.count() for model in kept} == kept
    assert len(sandbox.store.all("subscription")) == len(TRIGGERS)


def test_a_revoked_key_is_replaced_by_one_that_works(sandbox: Sandbox) -> None:
    seen = set()
    for _ in range(3):
        plain = seed()["api_key"]
        assert seed()["api_key"] == plain
        seen.add(plain)
        key = api_keys.find(plain)
        assert key is not None
        api_keys.revoke_key(actor=Actor.system("test"), key=key)

    assert len(seen) == 3


@pytest.mark.slow
def test_a_sandbox_that_forgets_does_not_fill_the_triggers_with_secrets(
    sandbox: Sandbox, client: Any
) -> None:
    first = seed()
    for _ in range(MAX_SECRETS + 2):
        InProcess(seed(), sandbox, client).confirm_webhooks()
        sandbox.reset()
    again = seed()
    InProcess(again, sandbox, client).confirm_webhooks()

    assert again["triggers"] == first["triggers"]
    assert Trigger.objects.count() == len(TRIGGERS)
    for trigger in Trigger.objects.all():
        active = {secret.value() for secret in trigger.secrets.filter(retired_at__isnull=True)}
        (subscription,) = [row for row in sandbox.store.all("subscription") if row["url"] == trigger.url]
        assert active == {again["triggers"][trigger.key]["secret"], subscription["secret"]}


def test_the_demo_connects_as_dana_of_acme_whomever_the_sandbox_offers(sandbox: Sandbox) -> None:
    sandbox.tokens.accounts_of = lambda client: {"PACME01"}  # type: ignore[method-assign]

    seed()

    assert Connection.objects.get().external_account_name == "acme"
    assert [(grant["user"], grant["account"]) for grant in sandbox.store.all("grant")] == [
        ("PUSER00", "PACME01")
    ]


def test_a_story_that_fails_says_why_among_its_own_lines(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PAGERDUTY_IDENTITY_URL = "http://127.0.0.1:9"

    with pytest.raises(CommandError):
        call_command("tell_story")

    assert re.match("Step failed: .*127.0.0.1.*9", capsys.readouterr().out)
