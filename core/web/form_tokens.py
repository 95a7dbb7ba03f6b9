"""Forms that do what they say once: each carries a key, and sent again it has the same."""

import re
import uuid

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect

FIELD = "_once"
INCOMPLETE = "Something was missing. Please submit again."
_KEY = re.compile(r"[0-9a-f]{32}")


def new_key() -> str:
    return uuid.uuid4().hex


def key_in(data: QueryDict) -> str:
    """The key that came with the form or its address; "" for none, or for what is none."""
    key = data.get(FIELD) or ""
    return key if _KEY.fullmatch(key) else ""


def to_form(request: HttpRequest) -> HttpResponse:
    """Redirect to the same page with a key in its URL: on back or reload a browser fetches the form anew."""
    query = request.GET.copy()
    query[FIELD] = new_key()
    return redirect(f"{request.path}?{query.urlencode()}")
