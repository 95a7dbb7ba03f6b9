"""Search by a part of a name in the database, as people spell it."""

import unicodedata

from django.db.models import Q


def search(field: str, text: str) -> Q:
    """Return a condition on rows whose `field` contains `text`, without regard to case or composed accents.

    Neither database composes accents, and SQLite knows the case of ASCII letters alone: other text is asked for in
    each way that it is usually stored.
    """
    condition = Q(**{f"{field}__icontains": text})
    if text.isascii():
        return condition
    for cased in (text, text.lower(), text.upper(), text.title()):
        for form in ("NFC", "NFD"):
            condition |= Q(**{f"{field}__icontains": unicodedata.normalize(form, cased)})
    return condition
