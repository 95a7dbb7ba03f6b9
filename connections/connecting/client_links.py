"""Client links: asking a client to authorise a connection without an account here.

The link alone connects nothing. Its page names the agency and the permissions, and the visitor has to agree. Only the
same browser, coming back from the provider, completes it (the OAuth state and the link are in its session).
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from structlog.contextvars import get_contextvars

from connections import audit
from connections.grants import registry
from connections.mail import throttle
from connections.models import ClientLink, Connection, Notice, User, Workspace
from connections.tenancy.actor import Actor
from connections.web.typed_values import account_typed
from core.db import clock, tenant_scope
from core.errors import Problem


@dataclass(frozen=True)
class Step:
    """One line of a link's progress. at: aware time or None. state: done, now, later, or bad."""

    name: str
    state: str
    at: object = None
    words: str = ""


def send(
    *,
    actor: Actor,
    connection: Connection | None,
    workspace: Workspace,
    provider: str,
    label: str,
    email: str,
    expected_account: str,
    optional: Collection[str] = (),
) -> ClientLink:
    """A link for `connection`, or for a new pending one of that label. Mailed when there is an address.

    optional: keys of the provider's optional permissions that are asked for, too.

    Raises Problem (label_in_use, not_pending, mailed_too_often, not_an_account).
    """
    expected_account = _expected(provider, expected_account)
    try:
        with transaction.atomic():
            if connection is None:
                connection = Connection.objects.create(workspace=workspace, provider=provider, label=label)
            elif connection.status not in (Connection.Status.PENDING, Connection.Status.ERROR):
                raise Problem("not_pending", "This connection does not need an invitation link.", status=409)
            _cancel_open(connection)
            link = ClientLink(
                connection=connection,
                email=email.strip().lower(),
                expected_account=expected_account,
                optional_permissions=list(optional),
                created_by_id=actor.user_id,
            )
            link.renew()
            link.save(force_insert=True)
            _record(actor, "client_link.sent", link)
            _announce(link)
    except IntegrityError:
        raise Problem("label_in_use", "A connection with this label already exists.") from None
    return link


def _expected(provider: str, typed: str) -> str:
    """As the provider will call it. Raises Problem (not_an_account)."""
    known = registry.get(provider)
    try:
        return account_typed(known, typed)
    except ValueError:
        message = f"Not a valid {known.account_called}. Expected: {known.account_example}"
        raise Problem("not_an_account", message) from None


def send_again(*, actor: Actor, link: ClientLink) -> None:
    """A new link for seven more days; the one sent before stops working. Raises Problem (over, mailed_too_often)."""
    with transaction.atomic():
        link.renew()
        again = ClientLink.objects.filter(pk=link.pk).open()
        if not again.update(
            secret=link.secret,
            digest=link.digest,
            expires_at=link.expires_at,
            opened_at=None,
            confirmed_at=None,
            ending="",
            ending_words="",
            ended_at=None,
        ):
            raise Problem("over", "This link was used or cancelled.", status=409)
        _record(actor, "client_link.sent_again", link)
        _announce(link)


def cancel(*, actor: Actor, link: ClientLink) -> None:
    with transaction.atomic():
        # The lock that authorising takes too: the link is either used before this, or not at all.
        Connection.objects.filter(pk=link.connection_id).update(provider=F("provider"))
        if link.over(cancelled_at=clock.now()):
            _record(actor, "client_link.cancelled", link)


def opened(link: ClientLink) -> None:
    """Note the first time that the link was opened."""
    ClientLink.objects.filter(pk=link.pk, opened_at__isnull=True).update(opened_at=clock.now())


def agree(*, actor: Actor, link: ClientLink) -> None:
    """Note that the client agreed and continues to the provider. Raise Problem (over)."""
    with transaction.atomic():
        usable = ClientLink.objects.filter(pk=link.pk).usable()
        if not usable.update(confirmed_at=clock.now(), ending="", ending_words="", ended_at=None):
            raise Problem("over", "This link was used, cancelled, or has expired.", status=410)
        _record(actor, "client_link.confirmed", link)


def ended(link: ClientLink, ending: str, words: str = "") -> None:
    """Write down how an attempt ended that did not connect, with the provider's words; the link can be tried again."""
    ClientLink.objects.filter(pk=link.pk).open().update(
        ending=ending[:20], ending_words=words[:300], ended_at=clock.now()
    )


def ask_again(link: ClientLink) -> None:
    """Notify the sender, once, that the client found the link expired and asks for another."""
    ended(link, ASKED_AGAIN)
    Notice.objects.get_or_create(
        client_link=link, occasion=f"again {link.digest}", defaults={"kind": ASKED_AGAIN}
    )


def used(connection: Connection, link: ClientLink | None) -> None:
    """The connection is authorised: the link has served, and any other is taken back."""
    if link is not None:
        mine = connection.client_links.filter(pk=link.pk).open()
        mine.update(used_at=clock.now(), secret=None, ending="", ending_words="")
    _cancel_open(connection)


def of_digest(digest: str, *related: str) -> ClientLink | None:
    """Return the link in any state, and add its workspace to the scope. Only the client's browser has the digest."""
    with tenant_scope.unscoped():
        link = ClientLink.objects.filter(digest=digest).select_related("connection", *related).first()
    if link is not None:
        tenant_scope.add_workspace(link.connection.workspace_id)
    return link


def latest(connection: Connection) -> ClientLink | None:
    return connection.client_links.first()


def client_of(request: HttpRequest, link: ClientLink) -> Actor:
    """Return the client as an actor: usually without an account, identified by the link."""
    user = request.user if isinstance(request.user, User) else None
    name = user.email if user else link.email
    return Actor(
        kind="client",
        label=f"{name} (client link)" if name else "Client link",
        user_id=user.pk if user else None,
        ip=request.META.get("REMOTE_ADDR") or None,
        request_id=str(get_contextvars().get("request_id", "")),
    )


ASKED_AGAIN = "asked_again"
_ENDINGS = {
    "denied": "Client declined access.",
    "nothing_granted": "Client signed in, but granted no permissions.",
    "not_installed": "Client signed in, but the app is not installed in that account.",
    "failed": "The provider returned an unexpected response.",
    "consent_refused": "The provider refused the authorization.",
    "other_account": "Client signed in to a different account.",
    "unexpected_account": "Client signed in to a different account than you expect.",
}


def progress(link: ClientLink) -> list[Step]:
    """The client's progress: sent → opened → at the provider → connected."""
    over = Step("Cancelled", "bad", link.cancelled_at) if link.cancelled_at else None
    if link.expired:
        over = Step("Expired", "bad", link.expires_at, "Resend it: the client gets a new link.")
    failed = _ENDINGS.get(link.ending, "")
    if failed and link.ending_words:
        failed = f"{failed} It said: {link.ending_words.rstrip('.')}."
    at_provider = Step(
        f"Approved; redirected to {registry.get(link.connection.provider).name}",
        "bad" if failed else ("done" if link.used_at else ("now" if link.confirmed_at else "later")),
        link.confirmed_at,
        f"{failed} The client can try again with the same link." if failed and not link.expired else failed,
    )
    steps = [
        Step("Sent" if link.email else "Ready to share", "done", link.created_at, link.email),
        Step("Link opened", "done" if link.opened_at else "now", link.opened_at),
        at_provider,
    ]
    if over:
        return [step for step in steps if step.state in ("done", "bad")] + [over]
    return [*steps, Step("Connected", "done" if link.used_at else "later", link.used_at)]


def _cancel_open(connection: Connection) -> None:
    connection.client_links.open().update(cancelled_at=clock.now(), secret=None)


def _record(actor: Actor, action: str, link: ClientLink) -> None:
    detail = {"to": link.email} if link.email else {}
    audit.record(actor, action, connection=link.connection, target=str(link.pk), detail=detail)


def _announce(link: ClientLink) -> None:
    if link.email:
        throttle.announce(account=link.connection.workspace.account, client_link=link)
