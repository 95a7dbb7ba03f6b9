"""`make test-all`: the whole suite on SQLite and again on PostgreSQL, in parallel, with its skips explained.

`make test` gives `--quick`: on SQLite alone, without what is marked slow. COVERAGE=1 has that print the share of lines
that it runs (`make coverage`): measuring doubles the time that it takes. `--rest` leaves out what `--quick` runs.

TEST_POSTGRES_URL names the server (default: postgres@127.0.0.1:5432). REQUIRE_ALL=1 makes a missing server, or
any skipped test, a failure.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/taskjuice")
_SQLITE = "sqlite:///var/test.sqlite3"
_SPREAD = ["--dist", "loadgroup", "--no-loadscope-reorder"]
_GROUP = re.compile(r"@[\w-]+$")
# So many failures are looked at again, one after the other: some of them keep real processes and browsers waiting.
_ALONE = 5
REQUIRED = os.environ.get("REQUIRE_ALL") == "1"


@dataclass(frozen=True)
class Suite:
    """The whole suite, or what was chosen of it, against one database."""

    name: str
    url: str

    def run(self, *chosen: str) -> list[str]:
        """Run it with all processors; return what is wrong, a line each.

        A test that failed beside others is run again by itself, which tells a busy machine from a fault: what passes
        then is named and does not count. More than `_ALONE` of them are a fault in any case.
        """
        print(f"\n=== {self.name} ===", flush=True)
        processes = ["-n", str(os.cpu_count() or 2), *_SPREAD]
        code = self._pytest("--cache-clear", *processes, *chosen, *sys.argv[1:])
        failed = self._failed() if code == pytest.ExitCode.TESTS_FAILED else []
        if not failed:
            return [f"{self.name}: pytest ended with code {code}"] if code else []
        if len(failed) <= _ALONE:
            print(f"\n=== {self.name}: what failed, by itself ===", flush=True)
            self._pytest("--cache-clear", *failed)  # what is left of the first time has its group in the name
            again = self._failed()
            for test in sorted(set(failed) - set(again)):
                print(f"{self.name}: failed beside other tests, passed by itself: {test}", flush=True)
            failed = again
        return [f"{self.name}: {test}" for test in failed]

    def _pytest(self, *arguments: str) -> int:
        env = {**os.environ, "DATABASE_URL": self.url}
        # Without its cache, pytest compiles every test again in every process: eleven seconds instead of four.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={self._cache}", *arguments]
        return subprocess.run(command, env=env, check=False).returncode

    @property
    def _cache(self) -> Path:
        return Path(".pytest_cache", self.name)

    def _failed(self) -> list[str]:
        """Return the tests that failed when they were last run."""
        kept = self._cache / "v/cache/lastfailed"
        # xdist adds the group of a test to its name.
        return (
            sorted({_GROUP.sub("", name) for name in json.loads(kept.read_text())}) if kept.exists() else []
        )


def reachable() -> str | None:
    """None when PostgreSQL answers, else why it does not."""
    server = POSTGRES.rpartition("/")[0] + "/postgres"
    try:
        psycopg.connect(server, connect_timeout=3).close()
    except psycopg.Error as error:
        return str(error).splitlines()[0]
    return None


def covered() -> str:
    """Return the share of lines that the last suite with `--cov` ran, such as "93%"; why there is none otherwise."""
    command = [sys.executable, "-m", "coverage", "report", "--format=total"]
    report = subprocess.run(command, capture_output=True, check=False, text=True)
    return (
        f"{report.stdout.strip()}%"
        if report.returncode == 0
        else report.stdout.strip() or report.stderr.strip()
    )


def main() -> int:
    if "--quick" in sys.argv:
        sys.argv.remove("--quick")
        # All that tests/fuzz imports is not needed for its being left out.
        left_out = ["-m", "not slow", "--ignore", "tests/fuzz", "-p", "no:schemathesis"]
        measured = ["--cov", "--cov-report="] if os.environ.get("COVERAGE") == "1" else []
        wrong = Suite("SQLite", _SQLITE).run(*left_out, *measured)
        if measured:
            print(f"Coverage: {covered()} of all lines", flush=True)
    else:
        after_quick = "--rest" in sys.argv
        if after_quick:
            sys.argv.remove("--rest")
        wrong = Suite("SQLite", _SQLITE).run(*["-m", "slow"] if after_quick else [])
        missing = reachable()
        if missing is None:
            wrong += Suite("PostgreSQL", POSTGRES).run()
        else:
            print(f"\n=== PostgreSQL: skipped, no server at TEST_POSTGRES_URL ({missing}) ===")
            wrong += ["PostgreSQL: no server"] if REQUIRED else []
    for line in wrong:
        print(f"FAILED: {line}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
