"""Key rotation: re-encrypts every secret with the newest key while everything goes on running."""

from collections.abc import Iterator

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models

from core.crypto import SealedField, reveal, seal, sealed_with_newest_key

_BATCH = 500


def sealed_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Every column of the product that holds a sealed value."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, SealedField):
                yield model, field.name


def rotate() -> int:
    """Re-seal values of older keys. Return how many. Raise Unreadable for a value that no key opens.

    A value that changes meanwhile (a refresh) is left alone: it was sealed with the newest key anyway.
    """
    return sum(_rotate(model, field) for model, field in sealed_columns()) + _rotate_second_factors()


def _rotate_second_factors() -> int:
    """allauth keeps these inside JSON: the key of an authenticator app, the seed of recovery codes."""
    rotated, adapter = 0, get_adapter()
    for row in Authenticator.objects.order_by("pk").iterator(chunk_size=_BATCH):
        before = dict(row.data)
        for name in ("secret", "seed"):
            if name in row.data:
                row.data[name] = adapter.encrypt(adapter.decrypt(row.data[name]))
                rotated += 1
        Authenticator.objects.filter(pk=row.pk, data=before).update(data=row.data)
    return rotated


def _rotate(model: type[models.Model], field: str) -> int:
    rotated = 0
    rows = model._default_manager.filter(**{f"{field}__isnull": False}).order_by("pk")
    for row in rows.only("pk", field).iterator(chunk_size=_BATCH):
        if sealed_with_newest_key(row, field):
            continue
        before = getattr(row, field)
        seal(row, field, reveal(row, field))
        unchanged = model._default_manager.filter(pk=row.pk, **{field: before})
        rotated += unchanged.update(**{field: getattr(row, field)})
    return rotated
