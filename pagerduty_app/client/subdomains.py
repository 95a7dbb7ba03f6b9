"""Extract an account's subdomain from what people type: with scheme, domain, path, case, spaces."""

import re
import unicodedata

DOMAIN = "pagerduty.com"
# The region is part of the domain, not of the subdomain.
_REGIONS = ("eu", "us")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_LONGEST_READ = 500
# Characters around a copied address.
_AROUND = " \t\"'`()[],;\u00ab\u00bb\u2018\u2019\u201a\u201c\u201d\u201e\u2039\u203a"
# PagerDuty's own hosts, which are not an account's.
_NOT_ACCOUNTS = frozenset(
    {"www", "app", "api", "identity", "developer", "support", "events", "status", *_REGIONS}
)


class NotASubdomain(ValueError):
    """The text cannot be an account's subdomain."""


def subdomain_of(typed: str) -> str:
    """Return the subdomain, in lower case; "" for nothing. Raise NotASubdomain.

    `Acme`, `acme.pagerduty.com`, `acme.eu.pagerduty.com:443`, `https://x@acme.pagerduty.com/incidents?x` are all acme.
    """
    if len(typed) > _LONGEST_READ:
        raise NotASubdomain("too long")
    text = unicodedata.normalize("NFKC", typed)
    text = "".join(one for one in text if unicodedata.category(one) not in ("Cf", "Cc")).strip().casefold()
    if not text:
        return ""
    text = text.strip(_AROUND).replace("\\", "/")
    host = re.sub(r"\A(?:(?:https?:)?/{1,2}|https?:)", "", text)
    host = re.split(r"[/?#]", host, maxsplit=1)[0].rpartition("@")[2]
    host = re.sub(r":[0-9]*\Z", "", host).replace("\u3002", ".").strip().strip(".")
    label = _without_domain(_ascii(host))
    if not _LABEL.fullmatch(label) or label in _NOT_ACCOUNTS:
        raise NotASubdomain(label or "nothing before the domain")
    return label


def _ascii(host: str) -> str:
    """Return a name in another script as browsers send it (IDNA)."""
    if host.isascii():
        return host
    if any(unicodedata.category(one)[0] not in "LMN" and one not in ".-" for one in host):
        raise NotASubdomain("not a host name")
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        raise NotASubdomain("not a host name") from None


def _without_domain(host: str) -> str:
    host = host.removesuffix(f".{DOMAIN}")
    for region in _REGIONS:
        host = host.removesuffix(f".{region}")
    return "" if host == DOMAIN else host
