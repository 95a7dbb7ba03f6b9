"""Allowed URLs of endpoints: https, a public name, its usual port; and which IP addresses are public.

The addresses of a name may change between two lookups (DNS rebinding). So the name is resolved when it is saved, to
report an error at once. Each send resolves it again and connects to the very address that it has checked
(workflows.outgoing.transport.connection).
"""

import ipaddress
import re
import socket
import threading
from urllib.parse import urlsplit

from django.conf import settings

from core.errors import Problem

_LONGEST = 2000
_LOOK_UP_SECONDS = 5.0
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# Names of home networks, of one machine, of clouds' insides; the addresses behind them are refused anyway.
_INSIDE = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "onion")
# The only range that IPv6 routes to the world (RFC 4291, 2.4).
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
# Tunnels to IPv4, and what IANA keeps for protocols and documentation, which this Python may take for global.
_NOT_FOR_SERVERS = [
    ipaddress.ip_network(net)
    for net in ("2001::/23", "2002::/16", "192.88.99.0/24", "192.0.0.0/24", "3fff::/20", "5f00::/16")
]


def is_public(address: str) -> bool:
    """Return whether `address` is an IP address of the public internet; False for a text that is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _GLOBAL_V6:
        return False
    if any(ip in network for network in _NOT_FOR_SERVERS):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def check_form(url: str) -> None:
    """Raise Problem (invalid_input, names `url`) for a URL that no hook may have, without resolving its name."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _refused("Use letters, digits and symbols only, no spaces. Write other names as xn--….")
    if len(url) > _LONGEST:
        raise _refused(f"At most {_LONGEST} characters.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise _refused("Enter a valid URL.") from None
    if "@" in parts.netloc or "#" in url:
        raise _refused("It must not contain a user name, a password or a “#”.")
    if settings.HOOKS_ALLOW_PRIVATE:
        if parts.scheme not in ("http", "https") or not host:
            raise _refused("It must begin with http:// or https:// and name a server.")
        return
    if parts.scheme != "https":
        raise _refused("It must begin with https://.")
    if port not in (None, 443) or parts.netloc.endswith(":"):
        raise _refused("Only the default HTTPS port is allowed; remove the port.")
    _check_name(host)


def _check_name(host: str) -> None:
    """Require a name with a dot, of plain labels, whose last label no resolver can read as part of a number."""
    labels = host.split(".")
    if len(host) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _refused("It must name a server on the internet, such as hooks.example.com, not an IP address.")
    if not labels[-1][0].isalpha() or any(label.startswith("0x") for label in labels[-1:]):
        raise _refused("It must name a server on the internet, not an IP address.")
    if any(host == name or host.endswith(f".{name}") for name in _INSIDE):
        raise _refused("It must name a server on the internet, not one of an internal network.")


def check(url: str) -> None:
    """Do `check_form`, and require that every address of the name is public. Raise Problem (invalid_input)."""
    check_form(url)
    if settings.HOOKS_ALLOW_PRIVATE:
        return
    addresses = _look_up(urlsplit(url).hostname or "")
    if not addresses:
        raise _refused("This host name does not resolve. Check the spelling.")
    if not all(map(is_public, addresses)):
        raise _refused("This host name resolves to a non-public address.")


def _look_up(host: str) -> list[str]:
    """Return every address of the name, [] for none within five seconds.

    The lookup runs in its own thread, because it has no timeout and cannot be cancelled.
    """
    found: list[str] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(str(answer[4][0]) for answer in answers)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_LOOK_UP_SECONDS)
    return list(found)


def _refused(why: str) -> Problem:
    return Problem("invalid_input", "Invalid fields: url.", fields={"url": [why]})
