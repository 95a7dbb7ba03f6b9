"""Actions of staff on rows: bounded, confirmed first if they cannot be undone, with a report of the outcome."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from connections.admin.shared.counting import count_up_to
from connections.admin.shared.scoped import ScopedPage
from core.errors import Problem

MOST_ROWS = 100
_SECONDS = 20.0
_CONFIRMED = "confirmed"
_FROM_ROW = "from_row"


class ActingPage(ScopedPage):
    """A page with actions, which are offered for the chosen rows of the list and on each row's own page."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The row's page, with a button for each action."""
        offered = self.get_action_choices(request, default_choices=[])
        context["row_actions"] = [(name, words) for name, words in offered if name != "delete_selected"]
        return super().render_change_form(request, context, *args, **kwargs)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """As Django's; back on the row's own page when that is where the button was."""
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(map(self.is_an_id, chosen)):
            messages.warning(request, "Some of these rows do not exist. Nothing was changed.")
            return None
        response: HttpResponse | None = super().response_action(request, queryset, *args, **kwargs)
        if isinstance(response, HttpResponseRedirect) and _FROM_ROW in request.POST and len(chosen) == 1:
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", chosen[0])
        return response

    def confirmed(self, request: HttpRequest) -> bool:
        return _CONFIRMED in request.POST

    def ask(
        self,
        request: HttpRequest,
        *,
        action: str,
        question: str,
        button: str,
        consequences: Sequence[str],
        rows: Iterable[Any],
        chosen: Iterable[Any],
    ) -> HttpResponse:
        """The page between choosing and doing. rows: those it will happen to. chosen: what is posted again."""
        context = {
            **self.admin_site.each_context(request),
            "title": question,
            "opts": self.opts,
            "action": action,
            "button": button,
            "consequences": consequences,
            "rows": list(rows),
            "chosen": [row.pk for row in chosen],
            "checkbox": ACTION_CHECKBOX_NAME,
            "from_row": _FROM_ROW in request.POST,
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/confirm.html", context)

    def work_through(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        *,
        ready: Q,
        act: Callable[[Any], object],
        done: str,
        otherwise: str,
    ) -> None:
        """Do `act` to at most MOST_ROWS of `rows` that are `ready`, for a limited time, and say what happened.

        act: raises Problem for a row that it refuses. done: "revoked". otherwise: why a row that is not ready
        is left alone, such as "revoked before".
        """
        todo = list(rows.filter(ready)[: MOST_ROWS + 1])
        left_alone = count_up_to(MOST_ROWS, rows.exclude(ready))
        until, taken = time.monotonic() + _SECONDS, 0
        refused: list[str] = []
        for row in todo[:MOST_ROWS]:
            if taken and time.monotonic() > until:
                break
            taken += 1
            try:
                act(row)
            except Problem as problem:
                refused.append(f"{row}: {problem.message}")
        succeeded = taken - len(refused)
        (messages.success if succeeded else messages.info)(request, f"{succeeded} {done}.")
        if left_alone:
            messages.info(request, f"{left_alone} skipped: {otherwise}.")
        if refused:
            messages.warning(request, "Refused: " + " ".join(refused[:10]))
        if taken < len(todo):
            messages.warning(
                request, "The limit for one run of this action was reached. Run it again for the rest."
            )
