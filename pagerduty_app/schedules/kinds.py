"""The two kinds of schedules: which kind a schedule is has to be found out, and changes when it is upgraded.

A request for the other kind is refused with 400, by v2 also with 404 (PagerDuty api-schema and developer docs, upgrade
to shift-based schedules). An upgraded schedule keeps its ID.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from django.core.cache import cache

from pagerduty_app.client import Api, PagerDutyError

Answer = TypeVar("Answer")
LAYER_BASED, SHIFT_BASED = "layer_based", "shift_based"
_REMEMBERED_SECONDS = 24 * 3600
_OTHER_KIND = frozenset({400, 404})
# v3 may be unavailable to an account or a token that can read layer-based schedules.
_CLOSED = frozenset({402, 403})


def ask_by_kind(api: Api, schedule_id: str, ask: Mapping[str, Callable[[], Answer]]) -> tuple[str, Answer]:
    """Return the kind of a schedule and the response of `ask[kind]`; `ask` has both kinds.

    The kind is cached for a day. When PagerDuty refuses it, or it is not known, both kinds are requested, shift-based
    first. Raise PagerDutyError.
    """
    key = f"pagerduty-schedule-kind:{api.cache_key}:{schedule_id}"
    known = cache.get(key)
    order = (LAYER_BASED, SHIFT_BASED) if known == LAYER_BASED else (SHIFT_BASED, LAYER_BASED)
    refusals: list[PagerDutyError] = []
    for kind in order:
        try:
            answer = ask[kind]()
        except PagerDutyError as error:
            if not _may_be_the_other(error, unsure=known is None):
                raise
            refusals.append(error)
        else:
            if kind != known:
                cache.set(key, kind, _REMEMBERED_SECONDS)
            return kind, answer
    cache.delete(key)
    raise _most_telling(refusals)


def _may_be_the_other(error: PagerDutyError, *, unsure: bool) -> bool:
    return error.status in _OTHER_KIND or (unsure and error.status in _CLOSED)


def _most_telling(refusals: list[PagerDutyError]) -> PagerDutyError:
    """Return the refusal for a missing scope or ability, else the one that says that there is no such schedule."""
    for statuses in (_CLOSED, {404}):
        for error in refusals:
            if error.status in statuses:
                return error
    return refusals[-1]
