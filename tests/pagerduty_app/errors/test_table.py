"""The table of PagerDuty's errors says what the client and the calls do with them, and is what docs/ prints."""

from pathlib import Path

import pytest
import responses
from django.conf import settings

from pagerduty_app.actions import ACTIONS
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.errors import table
from pagerduty_app.errors.look_ups import LOOK_UPS
from pagerduty_app.errors.mapping import as_provider_error
from pagerduty_app.errors.table import Known
from pagerduty_app.management.commands import error_docs
from tests.pagerduty_app.conftest import BASE
from workflows import catalog
from workflows.formatting import error_hints

_STATUS_OF_NUMBER = {
    "2006": 401,
    "2010": 403,
    "2018": 403,
    "2020": 429,
    "2100": 404,
    "5001": 404,
    "5002": 404,
}
ALL = [
    *((number, _STATUS_OF_NUMBER.get(number, 400), known) for number, known in table.BY_NUMBER.items()),
    *((None, status, known) for status, known in table.BY_STATUS.items()),
    (None, 500, table.ANY_OTHER),
    (None, 503, table.ANY_OTHER),
]


def test_the_page_is_made_of_the_table() -> None:
    printed = (Path(settings.BASE_DIR) / "docs" / "errors.md").read_text()
    assert printed == error_docs.page(), "make it anew: manage.py error_docs > docs/errors.md"


@pytest.mark.parametrize(("number", "status", "known"), ALL)
def test_what_the_table_says_of_trying_again_is_what_happens(
    api: Api, rest: responses.RequestsMock, number: str | None, status: int, known: Known
) -> None:
    rest.get(f"{BASE}/incidents/P1", status=status, json={"error": {"code": number, "message": "No"}})

    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")
    error = as_provider_error(raised.value)

    assert error.code == known.name
    assert error.retryable is (known.retry == "later")
    assert error.credential is (status == 401)


def test_an_answer_that_never_comes(api: Api, rest: responses.RequestsMock) -> None:
    with pytest.raises(PagerDutyError) as raised:
        api.get_incident("P1")
    assert as_provider_error(raised.value).code == table.NO_ANSWER.name
    assert table.NO_ANSWER.retry == "later"


def test_every_write_says_how_it_is_looked_up() -> None:
    assert set(LOOK_UPS) == {key for key, action in ACTIONS.items() if action.writes}


@pytest.mark.parametrize("known", [*(row[2] for row in ALL), table.NO_RESPONDERS, *table.OURS.values()])
def test_each_has_words_for_people(known: Known) -> None:
    assert error_hints.for_code(known.name, catalog.integration("pagerduty")).words


@pytest.mark.parametrize("known", [known for _, _, known in ALL if known.retry == "after reconnecting"])
def test_where_reconnecting_helps_the_page_offers_it(known: Known) -> None:
    assert error_hints.for_code(known.name, catalog.integration("pagerduty")).reconnect
