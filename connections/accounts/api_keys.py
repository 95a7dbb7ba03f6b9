"""API keys: made once, shown once, recognised by their digest."""

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from connections import audit
from connections.models import ApiKey, Workspace
from connections.tenancy.actor import Actor
from core.db import clock, tenant_scope
from core.errors import Problem

_PREFIX_LENGTH = 12
_USE_GRAIN = timedelta(minutes=1)


def plain(secret: str) -> str:
    """The whole key that belongs to `secret` (at least 32 characters, letters and digits)."""
    return f"tj_{secret[:_PREFIX_LENGTH]}_{secret[_PREFIX_LENGTH:]}"


def prefix_of(key: str) -> str:
    """The part of a whole key by which its row is found."""
    return key.split("_")[1]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def create_key(
    *,
    actor: Actor,
    workspace: Workspace,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    secret: str | None = None,
    key_id: uuid.UUID | None = None,
) -> tuple[ApiKey, str]:
    """Create a key; return it with its clear text, which is shown only now. secret: for callers that derive it."""
    whole = plain(secret or secrets.token_hex(32))
    with transaction.atomic():
        key = ApiKey.objects.create(
            id=key_id or uuid.uuid4(),
            workspace=workspace,
            name=name,
            prefix=prefix_of(whole),
            digest=_digest(whole),
            scopes=sorted(scopes),
            created_by_id=actor.user_id,
            expires_at=expires_at,
        )
        audit.record(actor, "api_key.created", workspace=workspace, target=str(key.pk), detail={"name": name})
    return key, whole


def create_once(*, actor: Actor, form_key: str, **fields: Any) -> tuple[ApiKey, str]:
    """As create_key, but one key for each form (core.web.form_tokens) of a person. Raises Problem (sent_before)."""
    try:
        return create_key(
            actor=actor, key_id=uuid.uuid5(uuid.NAMESPACE_OID, f"{actor.user_id}-{form_key}"), **fields
        )
    except IntegrityError:
        raise Problem(
            "sent_before",
            "This form was already submitted. Its key was created and shown once. If you did not save it, "
            "revoke it and create another.",
            status=409,
        ) from None


def matches(key: ApiKey, candidate: str) -> bool:
    return hmac.compare_digest(key.digest, _digest(candidate))


def find(candidate: str) -> ApiKey | None:
    """The usable key that `candidate` is; None for anything else, without saying why."""
    parts = candidate.split("_")
    if len(parts) != 3 or parts[0] != "tj" or not candidate.isascii() or len(candidate) > 200:
        return None
    with tenant_scope.unscoped():
        key = ApiKey.objects.filter(prefix=prefix_of(candidate)).select_related("workspace").first()
    return key if key and matches(key, candidate) and key.usable() else None


def used(key: ApiKey) -> None:
    """Remember when it was last used, written at most once a minute."""
    now = clock.now()
    if key.last_used_at is None or now - key.last_used_at > _USE_GRAIN:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def revoke_key(*, actor: Actor, key: ApiKey) -> None:
    with transaction.atomic():
        if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=clock.now()):
            audit.record(
                actor,
                "api_key.revoked",
                workspace=key.workspace,
                target=str(key.pk),
                detail={"name": key.name},
            )
