"""Signatures by Standard Webhooks (https://www.standardwebhooks.com): the headers of one attempt."""

import base64
import secrets
from datetime import UTC, datetime

from standardwebhooks import Webhook

_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret in the form that receivers' libraries take: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def headers(message_id: str, body: str, known: list[str], at: datetime) -> dict[str, str]:
    """The three headers; a signature by each of the secrets `known`, so that a receiver may have any of them.

    at: the aware time of this attempt, which receivers compare with their clock.
    """
    # The library takes any time it is given for UTC.
    utc = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(message_id, utc, body) for secret in known]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(utc.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
