"""`make test-all`: the whole suite on SQLite and again on PostgreSQL, in parallel, with its skips explained.

`make test` gives `--quick`: on SQLite alone, without what is marked slow. COVERAGE=1 has that print the share of lines
that it runs (`make coverage`): measuring doubles the time that it takes.

TEST_POSTGRES_URL names the server (default: postgres@127.0.0.1:5432). REQUIRE_ALL=1 makes a missing server, or
any skipped test, a failure.
"""

import os
import subprocess
import sys

import psycopg

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/taskjuice")
REQUIRED = os.environ.get("REQUIRE_ALL") == "1"


def suite(name: str, url: str, *chosen: str) -> int:
    """Runs pytest against that database; answers its exit code."""
    print(f"\n=== {name} ===", flush=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        str(os.cpu_count() or 2),
        "--dist",
        "loadgroup",
        "--no-loadscope-reorder",
    ]
    env = {**os.environ, "DATABASE_URL": url}
    # Without its cache, pytest compiles every test again in every process: eleven seconds instead of four.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([*command, *chosen, *sys.argv[1:]], env=env, check=False).returncode


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
        failed = suite("SQLite, quick", "sqlite:///var/test.sqlite3", *left_out, *measured)
        if measured:
            print(f"Coverage: {covered()} of all lines", flush=True)
        return failed
    failed = suite("SQLite", "sqlite:///var/test.sqlite3")
    missing = reachable()
    if missing is None:
        failed |= suite("PostgreSQL", POSTGRES)
    else:
        print(f"\n=== PostgreSQL: skipped, no server at TEST_POSTGRES_URL ({missing}) ===")
        failed |= int(REQUIRED)
    return failed


if __name__ == "__main__":
    sys.exit(main())
