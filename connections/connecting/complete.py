"""The end of an OAuth dance: decides whether the consent given makes the connection active, and stores it whole."""

import enum

from django.db import transaction

from connections import audit
from connections.connecting import client_links
from connections.grants import refresh, registry, state
from connections.grants.registry import Identity, OAuthProvider, Tokens
from connections.models import ClientLink, Connection, Grant, OAuthApp
from connections.notifications import facts
from connections.notifications.kinds import CLIENT_CONNECTED, CONSENT_ENDS
from connections.tenancy.actor import Actor
from connections.web.typed_values import is_account
from core.db import clock

# OpenID Connect's scope for the identity of the user; it permits nothing else.
_IDENTITY = "openid"


class Ending(enum.StrEnum):
    """The ways a connect attempt can end; connections.connecting.results has the page for each."""

    CONNECTED = "connected"
    PARTIAL = "partial"
    NOTHING_GRANTED = "nothing_granted"
    NOT_INSTALLED = "not_installed"
    OTHER_ACCOUNT = "other_account"
    UNEXPECTED_ACCOUNT = "unexpected_account"
    LINK_OVER = "link_over"
    REVOKED = "revoked"


def authorise(
    *,
    actor: Actor,
    connection: Connection,
    identity: Identity,
    tokens: Tokens,
    scopes_asked: list[str],
    allow_account_change: bool = False,
    link: ClientLink | None = None,
    oauth_app: OAuthApp | None = None,
) -> Ending:
    """Make `connection` active with these tokens, or leave it exactly as it is and say why.

    link: the client link of a client without an account; it is used once. oauth_app: the client's own
    app that the consent went through.
    """
    provider = registry.get(connection.provider)
    missing = provider.missing_scopes(tokens.scopes)
    if len(missing) == len(provider.scopes):
        return _nothing_granted(provider, tokens, oauth_app)
    with transaction.atomic():
        # Writing first takes the row's lock on both databases: two callbacks do not interleave.
        Connection.objects.filter(pk=connection.pk).update(provider=connection.provider)
        connection.refresh_from_db()
        if connection.status == Connection.Status.REVOKED:
            return Ending.REVOKED
        if link is not None and not ClientLink.objects.filter(pk=link.pk).usable().exists():
            return Ending.LINK_OVER
        if link is not None and not _is_expected(link, connection.provider, identity):
            return Ending.UNEXPECTED_ACCOUNT
        if not allow_account_change and _is_another_account(connection, identity):
            return Ending.OTHER_ACCOUNT
        again = connection.status != Connection.Status.PENDING
        _store(connection, identity, tokens, scopes_asked, oauth_app)
        _bind(connection, identity, actor)
        facts.withdraw(connection, CONSENT_ENDS)
        client_links.used(connection, link)
        if link is not None:
            _tell_of_the_client(connection, actor)
        audit.record(
            actor,
            "connection.reconnected" if again else "connection.connected",
            connection=connection,
            detail={
                "account": identity.account_id,
                "region": identity.region,
                "granted": tokens.scopes,
                "missing": missing,
                **({"client_id": oauth_app.client_id} if oauth_app else {}),
            },
        )
        state.restored(connection)
    return Ending.PARTIAL if missing else Ending.CONNECTED


def _nothing_granted(provider: OAuthProvider, tokens: Tokens, oauth_app: OAuthApp | None) -> Ending:
    """Return the ending of a consent without a permission.

    An app that has to be installed in an account, and is not, gets the identity alone (PagerDuty developer docs).
    """
    identity_alone = set(tokens.scopes) <= {_IDENTITY}
    installable = oauth_app is None and provider.install_url() != ""
    return Ending.NOT_INSTALLED if identity_alone and installable else Ending.NOTHING_GRANTED


def _is_expected(link: ClientLink, provider: str, identity: Identity) -> bool:
    known = registry.get(provider)
    return not link.expected_account or is_account(known, link.expected_account, identity.account_name)


def _tell_of_the_client(connection: Connection, actor: Actor) -> None:
    facts.of_connection(
        CLIENT_CONNECTED,
        connection,
        title=f"Client connected: {connection.label}",
        reason=f"{actor.label} authorized the account {connection.external_account_name}.",
        occasion=clock.now().isoformat(),
    )


def _is_another_account(connection: Connection, identity: Identity) -> bool:
    bound = (connection.external_account_id, connection.region)
    return connection.external_account_id != "" and bound != (identity.account_id, identity.region)


def _store(
    connection: Connection,
    identity: Identity,
    tokens: Tokens,
    scopes_asked: list[str],
    oauth_app: OAuthApp | None,
) -> None:
    grant = Grant.objects.filter(connection=connection).first() or Grant(connection=connection, generation=0)
    grant.obtained_at, grant.consent_told = clock.now(), ""
    refresh.fill(grant, tokens)
    grant.scopes_asked = scopes_asked
    grant.oauth_app = oauth_app
    grant.delegation_id = identity.delegation_id
    grant.generation += 1
    grant.failures = 0
    grant.refused_since = grant.refused_at = None
    grant.lease_holder = grant.lease_until = None
    grant.save()


def _bind(connection: Connection, identity: Identity, actor: Actor) -> None:
    connection.status, connection.status_reason = Connection.Status.ACTIVE, ""
    connection.external_account_id = identity.account_id
    connection.external_account_name = identity.account_name
    connection.external_user_id = identity.user_id
    connection.region = identity.region
    connection.authorised_by_id = actor.user_id
    connection.authorised_label = actor.label
    connection.authorised_at = clock.now()
    connection.save()
