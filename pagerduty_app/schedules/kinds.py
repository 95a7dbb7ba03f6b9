"""The two kinds of schedules: which kind a schedule is has to be found out, and changes when it is upgraded.

A request for the other kind is refused with 400, by v2 also with 404 (PagerDuty api-schema and developer docs, upgrade
to shift-based schedules). An upgraded schedule keeps its ID. Both may also refuse for a reason that has nothing to do
with the kind, such as a range that is too long: that reason is the one to tell.
"""

import re
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
# The words for "wrong kind" are not documented; each names a version of the API or a kind.
_NAMES_A_KIND = re.compile(r"\bv[23]\b|\b(?:shift|layer)[- ]based\b", re.IGNORECASE)
_IN_WORDS = {LAYER_BASED: "layer-based", SHIFT_BASED: "shift-based"}


def ask_by_kind(api: Api, schedule_id: str, ask: Mapping[str, Callable[[], Answer]]) -> tuple[str, Answer]:
    """Return the kind of a schedule and the response of `ask[kind]`; `ask` has both kinds.

    The kind is cached for a day. When PagerDuty refuses it, or it is not known, both kinds are requested, shift-based
    first. Raise PagerDutyError: the refusal that tells most.
    """
    key = f"pagerduty-schedule-kind:{api.cache_key}:{schedule_id}"
    known = cache.get(key)
    order = (LAYER_BASED, SHIFT_BASED) if known == LAYER_BASED else (SHIFT_BASED, LAYER_BASED)
    refusals: dict[str, PagerDutyError] = {}
    for kind in order:
        try:
            answer = ask[kind]()
        except PagerDutyError as error:
            if not _may_be_the_other(error, unsure=known is None):
                raise
            refusals[kind] = error
        else:
            if kind != known:
                cache.set(key, kind, _REMEMBERED_SECONDS)
            return kind, answer
    raise _most_telling(refusals, known)


def _may_be_the_other(error: PagerDutyError, *, unsure: bool) -> bool:
    return error.status in _OTHER_KIND or (unsure and error.status in _CLOSED)


def _most_telling(refusals: Mapping[str, PagerDutyError], known: str | None) -> PagerDutyError:
    """Return the refusal of the known kind. Without one: that for a missing scope or ability, else the one that says
    that there is no such schedule, with the reason of the other kind if that may be the true one."""
    telling = {kind: error for kind, error in refusals.items() if not _says_wrong_kind(error)} or refusals
    if known is not None and known in telling:
        return telling[known]
    errors = list(telling.values())
    for statuses in (_CLOSED, {404}):
        for error in errors:
            if error.status in statuses:
                return error if statuses is _CLOSED else _with_both_reasons(error, telling)
    return _with_both_reasons(errors[-1], telling)


def _says_wrong_kind(error: PagerDutyError) -> bool:
    return error.status == 400 and any(_NAMES_A_KIND.search(text) for text in (error.message, *error.reasons))


def _with_both_reasons(main: PagerDutyError, refusals: Mapping[str, PagerDutyError]) -> PagerDutyError:
    """Return `main` with the reasons of all refusals, unless they are the same or none is a 400."""
    said = {kind: (error.message, *error.reasons) for kind, error in refusals.items()}
    if len(set(said.values())) < 2 or all(error.status != 400 for error in refusals.values()):
        return main
    reasons = [
        f"Requested as a {_IN_WORDS[kind]} schedule: {text}" for kind, texts in said.items() for text in texts
    ]
    return PagerDutyError(main.message, status=main.status, code=main.code, reasons=reasons)
