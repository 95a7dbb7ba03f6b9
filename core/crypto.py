"""Secrets at rest: AES-256-GCM, bound to the row and column they belong to, with rotating keys.

A sealed value reads `v1.<key id>.<base64url(nonce + ciphertext)>`. A model only ever holds the sealed form.
`reveal` is the only way to the secret, so a repr, a serializer or an admin page cannot leak it by accident.
"""

import hashlib
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

_VERSION = "v1"
_NONCE_BYTES = 12
_SHORTEST_KEY = 16


class Unreadable(Exception):
    """A sealed value that no configured key opens for this row: wrong key, moved row, or damage."""


class SealedField(models.TextField):  # type: ignore[type-arg]
    """A text column that holds a sealed value; `seal` and `reveal` are the only ways in and out."""


@lru_cache(maxsize=8)
def _ring(entries: tuple[str, ...]) -> dict[str, AESGCM]:
    """Key id → cipher, newest first. Each entry is any string of at least 16 characters."""
    ring = {}
    for entry in entries:
        if len(entry) < _SHORTEST_KEY:
            raise ImproperlyConfigured("Each of ENCRYPTION_KEYS needs at least 16 characters.")
        derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"taskjuice sealed field")
        key_id = hashlib.sha256(b"taskjuice key id" + entry.encode()).hexdigest()[:8]
        ring[key_id] = AESGCM(derive.derive(entry.encode()))
    return ring


def keyring() -> dict[str, AESGCM]:
    return _ring(tuple(key.strip() for key in settings.ENCRYPTION_KEYS if key.strip()))


def _bound_to(row: models.Model, field: str) -> bytes:
    return f"{row._meta.label_lower}.{field}:{row.pk}".encode()


def seal(row: models.Model, field: str, secret: str) -> None:
    """Put `secret` into `field` of `row`, readable only there. The row's primary key must be set already."""
    setattr(row, field, _sealed(secret, _bound_to(row, field)))


def reveal(row: models.Model, field: str) -> str:
    """The secret in `field` of `row`. Raises Unreadable; never answers with anything but the secret."""
    try:
        return _opened(getattr(row, field), _bound_to(row, field))
    except (AttributeError, ValueError, KeyError, InvalidTag):
        # The cause may quote ciphertext; the name of the column is all that anybody needs.
        raise Unreadable(f"{row._meta.label}.{field} of {row.pk} cannot be opened") from None


def seal_text(purpose: str, secret: str) -> str:
    """`secret` sealed for a purpose, where there is no row yet to bind it to."""
    return _sealed(secret, purpose.encode())


def open_text(purpose: str, sealed: str) -> str:
    """Return the text that `seal_text` sealed for `purpose`. Raises Unreadable."""
    try:
        return _opened(sealed, purpose.encode())
    except (AttributeError, ValueError, KeyError, InvalidTag):
        raise Unreadable(f"a {purpose} cannot be opened") from None


def _sealed(secret: str, bound_to: bytes) -> str:
    key_id, cipher = next(iter(keyring().items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + cipher.encrypt(nonce, secret.encode(), bound_to)
    return f"{_VERSION}.{key_id}.{urlsafe_b64encode(sealed).decode()}"


def _opened(sealed: str, bound_to: bytes) -> str:
    version, key_id, encoded = sealed.split(".")
    if version != _VERSION:
        raise ValueError("unknown version")
    blob = urlsafe_b64decode(encoded)
    return keyring()[key_id].decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], bound_to).decode()


def sealed_with_newest_key(row: models.Model, field: str) -> bool:
    newest = next(iter(keyring()))
    return str(getattr(row, field)).startswith(f"{_VERSION}.{newest}.")
