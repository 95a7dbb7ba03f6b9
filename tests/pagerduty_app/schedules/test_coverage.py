"""Plans of overrides from odd schedules."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pagerduty_app.schedules import coverage
from pagerduty_app.schedules.coverage import Present, Stretch
from pagerduty_app.schedules.final_shifts import rota_of
from pagerduty_app.schedules.kinds import SHIFT_BASED

STRETCH = Stretch(datetime(2026, 11, 2, 8, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC))


@pytest.mark.parametrize("odd", [["x"], {"id": "x"}, 7, None])
def test_an_odd_reference_to_an_override_names_none(odd: Any) -> None:
    shift = {
        "start_time": "2026-11-02T00:00:00Z",
        "end_time": "2026-11-03T00:00:00Z",
        "member": {"type": "user_member", "user_id": "PUSER01"},
        "source": {"type": "rotation", "rotation_id": "PROTA", "override_id": odd},
    }
    answer = {"schedule": {"final_schedule": {"computed_shift_assignments": [shift]}}}
    rota = rota_of(SHIFT_BASED, answer, "PSHIFT0", STRETCH.end)
    present = Present(rota, {"overrides": [], "custom_shifts": []}, answer["schedule"]["final_schedule"])

    plan = coverage.plan(present, "PUSER02", STRETCH)

    assert plan["overrides"][0]["overridden_member"] == shift["member"]
