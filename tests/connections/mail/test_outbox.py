"""Email is owed as rows: no request waits for a mail server, none is lost while it is away, and no secret stays."""

import re
from collections.abc import Callable
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.grants.key_rotation import sealed_columns
from connections.mail import outbox
from connections.models import Account, Invitation, Notice, User
from core.crypto import reveal
from tests.factories import People
from tests.support.browser import signed_in
from tests.support.mail_server import mail_server, no_mail_server

PHRASE = "quite a long phrase"
NEW = "dora@studio.example"
pytestmark = pytest.mark.django_db


def sign_up(browser: Client, email: str = NEW) -> Any:
    return browser.post(
        "/accounts/signup/",
        {"email": email, "agency": "Studio", "password1": PHRASE, "password2": PHRASE},
    )


def resend(browser: Client) -> Any:
    """What a person does who got nothing: ask again, in the same minute."""
    sign_up(browser)
    Notice.objects.update(to=NEW)  # as it was; allauth's own limit is three minutes
    return browser.post("/accounts/email/", {"email": NEW, "action_send": ""})


def reset(browser: Client, email: str = "alice@alice.example") -> Any:
    return browser.post("/accounts/password/reset/", {"email": email})


def another_address(browser: Client) -> Any:
    return browser.post("/accounts/email/", {"email": "new@alice.example", "action_add": ""})


def body_of(message: Message) -> str:
    payload: Any = message.get_payload(decode=True)
    return str(payload.decode())


def in_an_hour() -> Any:
    return time_machine.travel(timezone.now() + timedelta(hours=1), tick=True)


@pytest.mark.parametrize(
    ("act", "signed", "to"),
    [
        (sign_up, False, NEW),
        (resend, False, NEW),
        (reset, False, "alice@alice.example"),
        (another_address, True, "new@alice.example"),
    ],
)
def test_a_mail_server_that_is_away_delays_account_mail_and_loses_none(
    who: People, settings: Any, act: Callable[[Client], Any], signed: bool, to: str
) -> None:
    no_mail_server(settings)
    browser = signed_in(who.alice) if signed else Client()

    assert act(browser).status_code == 302
    assert outbox.send_due() == 0
    notice = Notice.objects.get(status="owed")
    assert (notice.to, notice.error, notice.attempts) == (to, outbox.SERVER_AWAY, 1)

    with in_an_hour(), mail_server(settings) as server:
        assert outbox.send_due() == 1
        assert outbox.send_due() == 0
        link = re.search(r"http://127\.0\.0\.1:8000(/accounts/\S+)", body_of(server.messages[0]))
        assert link is not None
        assert Client().get(link[1], follow=True).status_code == 200
    assert len(server.messages) == 1
    assert server.messages[0]["To"] == to
    notice.refresh_from_db()
    assert (notice.status, notice.body, notice.error) == ("sent", None, "")


def test_the_confirmation_that_was_owed_confirms(settings: Any) -> None:
    sign_up(Client())
    outbox.send_due()
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[0].body))
    assert link is not None
    Client().post(link[0])
    assert EmailAddress.objects.get(email=NEW).verified


def test_what_the_request_did_and_what_is_owed_for_it_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**kwargs: Any) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(outbox, "owe", broken)
    assert sign_up(Client(raise_request_exception=False)).status_code == 500
    assert not User.objects.exists()
    assert not Account.objects.exists()


def test_one_attempt_finds_out_whether_the_server_is_back(who: People, settings: Any) -> None:
    no_mail_server(settings)
    for person in (who.alice, who.bob, who.dora):
        reset(Client(), person.email)

    for _ in range(3):
        assert outbox.send_due() == 0
    reset(Client(), who.charlie.email)
    assert outbox.send_due() == 0
    assert sum(Notice.objects.values_list("attempts", flat=True)) == 1

    with in_an_hour(), mail_server(settings) as server:
        assert outbox.send_due() == 4
    assert server.connections == 1


def test_an_address_that_is_refused_stops_no_other_and_support_sees_it(who: People, settings: Any) -> None:
    for email in ("gone@alice.example", who.bob.email):
        outbox.owe(kind="test", to=email, subject="Hello", body="Secret text", life=timedelta(days=1))

    with mail_server(settings, refused=("gone@alice.example",)) as server:
        assert outbox.send_due() == 1
        assert outbox.send_due() == 0
    assert [message["To"] for message in server.messages] == [who.bob.email]
    refused = Notice.objects.get(to="gone@alice.example")
    assert (refused.status, refused.error, refused.body) == ("failed", outbox.REFUSED, None)
    root = signed_in(User.objects.create_superuser("root@taskjuice.example"))
    page = root.get("/admin/connections/notice/").content.decode()
    assert "gone@alice.example" in page
    assert outbox.REFUSED in page


def test_a_message_at_which_the_server_hangs_up_stops_no_other(who: People, settings: Any) -> None:
    first, second, later = "odd@alice.example", who.bob.email, who.dora.email
    for email in (first, second):
        outbox.owe(kind="test", to=email, subject="Hello", body="Text", life=timedelta(days=1))

    with mail_server(settings, drops=(first,)) as server:
        assert outbox.send_due() == 1
        outbox.owe(kind="test", to=later, subject="Hello", body="Text", life=timedelta(days=1))
        assert outbox.send_due() == 1
    assert [message["To"] for message in server.messages] == [second, later]
    odd = Notice.objects.get(to=first)
    assert (odd.status, odd.error, odd.attempts) == ("owed", "SMTPServerDisconnected", 1)


def test_a_link_that_is_no_use_any_more_is_not_sent(who: People, settings: Any) -> None:
    no_mail_server(settings)
    reset(Client())
    outbox.send_due()

    with time_machine.travel(timezone.now() + timedelta(days=2), tick=True), mail_server(settings) as server:
        assert outbox.send_due() == 0
    assert server.messages == []
    notice = Notice.objects.get()
    assert (notice.status, notice.body) == ("failed", None)


def test_a_worker_that_died_while_sending_costs_five_minutes(
    who: People, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reset(Client())
    with mail_server(settings) as server:
        with monkeypatch.context() as dying:
            dying.setattr(outbox, "_end", lambda *args, **kwargs: (_ for _ in ()).throw(SystemExit))
            with pytest.raises(SystemExit):
                outbox.send_due()
        assert outbox.send_due() == 0
        with in_an_hour():
            assert outbox.send_due() == 1
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"]


def test_a_newer_link_takes_the_place_of_one_that_waits(who: People, settings: Any) -> None:
    no_mail_server(settings)
    for _ in range(2):
        reset(Client())
        outbox.send_due()

    with in_an_hour(), mail_server(settings) as server:
        assert outbox.send_due() == 1
    assert len(server.messages) == 1
    assert Notice.objects.filter(status="dropped", body=None).count() == 1


def test_links_are_sealed_and_in_no_log_task_or_page(
    who: People, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    no_mail_server(settings)
    reset(Client())
    notice = Notice.objects.get()
    key = re.search(r"/accounts/password/reset/key/(\S+)/", reveal(notice, "body"))
    assert key is not None
    outbox.send_due()

    stored = [
        repr(values)
        for model in apps.get_models(include_auto_created=True)
        for values in model._base_manager.values_list()
    ]
    root = signed_in(User.objects.create_superuser("root@taskjuice.example"))
    page = root.get(f"/admin/connections/notice/{notice.pk}/change/")
    assert page.status_code == 200
    written = caplog.text
    assert "mail_not_sent" in written
    assert key[1] not in page.content.decode() + written + "".join(stored)
    assert (Notice, "body") in sealed_columns()


def test_asking_for_a_reset_is_the_same_for_an_address_that_nobody_has(who: People) -> None:
    EmailAddress.objects.create(user=who.alice, email=who.alice.email, primary=True, verified=True)
    answers, statements = [], []
    for email in (who.alice.email, "nobody@nowhere.example"):
        with CaptureQueriesContext(database) as asked:
            answers.append(reset(Client(), email))
        written = [
            query["sql"] for query in asked.captured_queries if query["sql"].startswith(("INSERT", "UPDATE"))
        ]
        statements.append([sql.split('"')[1] for sql in written])

    one, other = answers
    assert (one.status_code, one["Location"]) == (other.status_code, other["Location"])
    assert statements[0] == statements[1]
    assert mail.outbox == []
    assert outbox.send_due() == 2


# What allauth can send, and what is in it besides what every message has.
KINDS = {
    "account/email/email_confirmation": {"activate_url": "https://x"},
    "account/email/email_confirmation_signup": {"activate_url": "https://x"},
    "account/email/password_reset_key": {"password_reset_url": "https://x"},
    "account/email/unknown_account": {},
    "account/email/account_already_exists": {},
    "account/email/email_changed": {"from_email": "a@b.example", "to_email": "c@d.example"},
    "account/email/email_confirm": {},
    "account/email/email_deleted": {"deleted_email": "a@b.example"},
    "account/email/password_changed": {},
    "account/email/password_reset": {},
    "account/email/password_set": {},
    "account/email/login_code": {"code": "1"},
    "account/email/password_reset_code": {"code": "1"},
    "mfa/email/totp_activated": {},
    "mfa/email/totp_deactivated": {},
    "mfa/email/recovery_codes_generated": {},
}


@pytest.mark.parametrize("kind", KINDS)
def test_account_mail_says_who_writes_and_why(kind: str, rf: Any) -> None:
    from allauth.core.context import request_context

    context = {"timestamp": timezone.now(), "ip": "192.0.2.1", "user_agent": "<A & B>", **KINDS[kind]}
    with request_context(rf.get("/", headers={"host": "127.0.0.1:9"})):
        get_adapter().send_mail(kind, "o'hara@alice.example", context)
    outbox.send_due()

    message = mail.outbox[0]
    text = f"{message.subject}\n{message.body}"
    assert "TaskJuice · http://127.0.0.1:8000\nYou get this email because" in text
    assert not re.search(r"127\.0\.0\.1:9|Hello from|&#|&lt;|\[", text)
    if "code" not in kind.rpartition("_")[2]:
        assert "TaskJuice" in message.subject or "Two-factor" in message.subject


def test_a_changed_password_is_told_to_its_owner(who: People) -> None:
    who.alice.set_password(PHRASE)
    who.alice.save()
    EmailAddress.objects.create(user=who.alice, email=who.alice.email, primary=True, verified=True)
    browser = Client()
    browser.login(email=who.alice.email, password=PHRASE)

    form = {"oldpassword": PHRASE, "password1": "another long phrase", "password2": "another long phrase"}
    assert browser.post("/accounts/password/change/", form).status_code == 302
    outbox.send_due()
    assert mail.outbox[0].subject == "Your TaskJuice password was changed"


@pytest.mark.parametrize(
    "name", ["Two\r\nBcc: x@evil.example", "Two\x85Bcc: x", "Two\x0bBcc: x", "Two\u2028Bcc"]
)
def test_nothing_in_a_name_becomes_a_header(who: People, name: str) -> None:
    Account.objects.filter(pk=who.agency.pk).update(name=name)
    signed_in(who.alice).post("/settings/people/", {"email": "eve@agency.example", "role": "member"})
    assert Invitation.objects.exists()

    assert outbox.send_due() == 1
    message = mail.outbox[0].message()
    assert message["Bcc"] is None
    assert str(message["Subject"]).startswith("Two Bcc")
    assert mail.outbox[0].recipients() == ["eve@agency.example"]


def test_an_address_with_a_line_break_is_refused() -> None:
    assert sign_up(Client(), "a@b.example\nBcc: x@evil.example").status_code == 200
    assert not Notice.objects.exists()


def test_old_mail_is_forgotten(who: People) -> None:
    reset(Client())
    outbox.send_due()
    assert outbox.prune() == 0
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=True):
        assert outbox.prune() == 1
