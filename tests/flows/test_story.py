"""`manage.py demo --once`: the whole story in one command, with sandbox, web, workers and watchdog."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from bench.ports import free_port
from tests.flows.running import OwnDatabase

pytestmark = [pytest.mark.flow, pytest.mark.xdist_group("story")]

# Every line that the demo prints, in its own words.
STORY = re.compile(
    r"""Port\ \d+\ or\ \d+\ is\ in\ use;\ taking\ \d+\ instead\.
    |Starting\ TaskJuice\ on\ port\ \d+;\ server\ logs:\ \S+
    |\d\.\ [A-Z].+
    |\ {3}\S.+
    |Demo\ completed\ in\ [\d.]+\ s\.
    |API\ key:\ tj_\w+\ \(documentation\ at\ \S+\)
    |Sign\ in\ at\ \S+\ as\ \S+\ with\ the\ password\ \w+
    |PagerDuty’s\ side\ \(the\ sandbox\):\ \S+
    |Make\ it\ fail\ \(429,\ 401,\ lost\ answers,\ …\):\ \S+/app/faults""",
    re.VERBOSE,
)


def test_the_whole_story_comes_true_and_nothing_secret_is_in_the_logs(tmp_path: Path) -> None:
    port, database = free_port(), OwnDatabase(tmp_path, empty=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = kept | database.env | {"NODE_NAME": f"story-{port}"}
    try:
        told = subprocess.run(
            [sys.executable, "manage.py", "demo", "--once", "--port", str(port)],
            cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, timeout=110, check=False,
        )  # fmt: skip
    finally:
        database.remove()
    # Another one, where another process took the port meanwhile.
    taken = re.search(r"^Starting TaskJuice on port (\d+); server logs: (.+)$", told.stdout, re.MULTILINE)
    assert taken, told.stdout + told.stderr
    for left in (settings.BASE_DIR / "var").glob(f"sandbox-{int(taken[1]) + 1}.sqlite3*"):
        left.unlink()
    log = Path(taken[2]).read_text()
    Path(taken[2]).unlink()

    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:] + log[-3000:]
    assert [line for line in told.stdout.splitlines() if not STORY.fullmatch(line)] == []
    assert told.stderr == ""
    assert "request_started" in log
    assert "held_deliveries_judged" in log
    for part in (
        "granted: openid, incidents.read, incidents.write, services.read, users.read, schedules.read, teams.read",
        "pagerduty/incident-triggered → http://",
        "step “note” took 3 attempts",
        "read back from the incident, once: note",
        "acknowledged → run",
        "resolved → run",
        "pagerduty/create-incident → incident",
        "pagerduty/get-incident → incident",
        "pagerduty/update-incident → incident",
        "pagerduty/create-incident-note → note",
        "pagerduty/list-incidents → ",
        "pagerduty/list-services → 1 services",
        "Demo completed in",
    ):
        assert part in told.stdout
    key = next(word for word in told.stdout.split() if word.startswith("tj_"))
    assert key not in log
    assert "Bearer" not in log
    assert not re.search(r"[?&](code|state)=", log)
