"""The one table of URL prefixes that middleware and the gateway treat differently from a page of the product."""

from enum import Flag, auto


class Differs(Flag):
    """The differences between requests under a prefix and requests for a page.

    UNSCOPED: the request begins with all rows in scope. The receiver finds the trigger by its URL;
    the other views report on the whole machine.
    NO_SECOND_FACTOR: a user without the second factor that an agency requires is not redirected to its set-up.
    PLAIN_HTTP: the request is not redirected to https.
    SOFTWARE: clients are programs, which get errors as JSON.
    """

    UNSCOPED = auto()
    NO_SECOND_FACTOR = auto()
    PLAIN_HTTP = auto()
    SOFTWARE = auto()


HOOKS, API, ADMIN, HEALTH = "/hooks/", "/api/", "/admin/", "/healthz"
_MACHINE = Differs.UNSCOPED | Differs.NO_SECOND_FACTOR | Differs.PLAIN_HTTP
TABLE = {
    HOOKS: Differs.UNSCOPED | Differs.NO_SECOND_FACTOR | Differs.SOFTWARE,
    # Asks for the second factor itself, once it is known that no API key was sent (connections.api.authentication).
    API: Differs.NO_SECOND_FACTOR | Differs.SOFTWARE,
    HEALTH: _MACHINE,
    "/readyz": _MACHINE,
    "/metrics": _MACHINE,
    # Signing in and out, and the set-up of the second factor.
    "/accounts/login/": Differs.NO_SECOND_FACTOR,
    "/accounts/logout/": Differs.NO_SECOND_FACTOR,
    "/accounts/inactive/": Differs.NO_SECOND_FACTOR,
    "/accounts/password/": Differs.NO_SECOND_FACTOR,
    "/accounts/email/": Differs.NO_SECOND_FACTOR,
    "/accounts/confirm-email/": Differs.NO_SECOND_FACTOR,
    "/accounts/reauthenticate/": Differs.NO_SECOND_FACTOR,
    "/accounts/2fa/": Differs.NO_SECOND_FACTOR,
    # Links for people who have no account yet, or none at all.
    "/join/": Differs.NO_SECOND_FACTOR,
    "/client/": Differs.NO_SECOND_FACTOR,
}


def prefixes(differs: Differs) -> tuple[str, ...]:
    """Return the prefixes whose requests differ in that way, for `str.startswith`."""
    return tuple(prefix for prefix, how in TABLE.items() if differs in how)
