"""The moments that tests of deadlines are about."""

from datetime import UTC, datetime, timedelta

from tests.support.deadlines import (
    MINUTE,
)

NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
TEN_PAST, A_MOMENT, HOUR = NINE + 10 * MINUTE, timedelta(microseconds=1), timedelta(hours=1)
