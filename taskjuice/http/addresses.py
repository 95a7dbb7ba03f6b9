"""The address of the client, for audit, throttles, sign-in limits and log lines."""

from functools import lru_cache
from ipaddress import ip_address

import structlog

log = structlog.get_logger(__name__)

_warned: set[str] = set()


def client_address(remote: str, forwarded: str, *, proxies: int) -> str:
    """Return the client address that our outermost proxy saw, or `remote` without a trusted proxy, or "".

    Entries further left in X-Forwarded-For were sent by the client and can be forged. An entry that is not an address
    is logged once and ignored: until the proxy is fixed, its clients share its address.
    """
    peer = read(remote) or ""
    if not proxies:
        return peer
    told = [entry for entry in forwarded.split(",") if entry.strip()]
    if len(told) < proxies:
        _warn("missing", entries=len(told), proxies=proxies)
        return peer
    address = read(told[-proxies])
    if address is None:
        _warn("unreadable", entries=len(told), proxies=proxies)
    return address or peer


@lru_cache(maxsize=4096)
def read(text: str) -> str | None:
    """Return the address in one entry of X-Forwarded-For, or None.

    Proxies add a port or brackets. A zone (`fe80::1%eth0`) has a meaning on their machine only.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _warn(what: str, **facts: int) -> None:
    if what not in _warned:
        _warned.add(what)
        log.warning("client_address_unknown", because=what, header="X-Forwarded-For", **facts)
