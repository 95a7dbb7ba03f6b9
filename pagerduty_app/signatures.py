"""The signature check of Webhooks v3: raw bytes in, index of the secret out. Plain Python.

Source: PagerDuty developer docs, webhooks v3. The digest is HMAC-SHA256 over the raw body with the secret's
ASCII bytes; PagerDuty sends it in hex, its product page says base64, so both forms of the same digest count.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence

_LONGEST_HEADER = 4096
_MOST_SIGNATURES = 20
_VERSION = "v1="


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> int | None:
    """Index in `secrets` of one that signed `body`, or None. Constant time; never raises.

    header: `v1=<signature>,v1=<signature>`, one for each secret PagerDuty knows; anything over 4,096
    characters or 20 signatures is refused unread.
    """
    if not header or len(header) > _LONGEST_HEADER or not header.isascii():
        return None
    parts = [part.strip() for part in header.split(",")]
    if len(parts) > _MOST_SIGNATURES:
        return None
    given = [part.removeprefix(_VERSION).encode() for part in parts if part.startswith(_VERSION)]
    found = None
    for index, secret in enumerate(secrets):
        digest = hmac.new(secret.encode(errors="replace"), body, hashlib.sha256).digest()
        for signature in given:
            as_hex = hmac.compare_digest(signature.lower(), digest.hex().encode())
            as_base64 = hmac.compare_digest(signature, b64encode(digest))
            if as_hex or as_base64:
                found = index
    return found


def looks_signed(header: str | None) -> bool:
    """Return whether the header has at least one `v1=<something>`, without checking it."""
    if not header or len(header) > _LONGEST_HEADER or not header.isascii():
        return False
    return any(part.strip().startswith(_VERSION) and part.strip() != _VERSION for part in header.split(","))


def sign(body: bytes, secret: str) -> str:
    """The header PagerDuty would send for one secret."""
    return _VERSION + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
