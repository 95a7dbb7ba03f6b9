"""What is shipped to deploy with: every documented variable arrives, and row-level security holds for its role."""

import os
import re
import socket
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from psycopg import sql

from bench.ports import free_port
from core.db.postgresql import checks, roles

DEPLOY = settings.BASE_DIR / "deploy"
# Never of a deployment: development only, and the tests'.
_NOT_DEPLOYED = {"DEBUG", "HOOKS_ALLOW_PRIVATE", "PAGERDUTY_SCHEMA", "PAGERDUTY_EVENTS", "TEST_POSTGRES_URL"}


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return services


def documented() -> set[str]:
    first = re.findall(
        r"^\|([^|]+)\|", (settings.BASE_DIR / "docs" / "configuration.md").read_text(), re.MULTILINE
    )
    return set(re.findall(r"`([A-Z][A-Z_]+)`", "".join(first)))


def test_every_documented_variable_passes_through_compose() -> None:
    passed = set(compose()["app"]["environment"])
    assert documented() - _NOT_DEPLOYED == passed


def test_every_variable_of_the_settings_is_documented() -> None:
    text = (settings.BASE_DIR / "taskjuice" / "settings.py").read_text()
    read = set(re.findall(r'(?:env\.\w+|required)\(\s*"([A-Z_]+)"|password="([A-Z_]+)"', text))
    assert {name for pair in read for name in pair if name} <= documented()


def test_no_password_is_put_into_a_url() -> None:
    for service in compose().values():
        for value in (service.get("environment") or {}).values():
            assert not re.search(r"://\S*\$\{", str(value or ""))


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in compose().items() if service.get("ports")] == ["proxy"]


@pytest.mark.slow
def test_the_cache_wants_its_password(tmp_path: Path) -> None:
    """The command of compose, run as it stands."""
    import redis

    password, port = 'a"b\\c $x/?#@%41', free_port()
    service = compose()["cache"]
    command = [part.replace("$$", "$") for part in service["command"]]
    command[2] = command[2].replace("redis-server -", f"redis-server - --port {port} --bind 127.0.0.1")
    env = {"REDISCLI_AUTH": password, "PATH": os.environ["PATH"]}
    running = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        assert any("Ready to accept connections" in line for line in running.stdout)
        assert redis.Redis(port=port, password=password).ping()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
    finally:
        running.kill()
        running.wait()


@pytest.mark.postgresql
def test_row_level_security_holds_for_the_role_of_compose() -> None:
    """The script of compose, run as it stands but for the names, which would be this server's own."""
    given = urlsplit(os.environ["DATABASE_URL"])
    name, password = f"taskjuice_{uuid.uuid4().hex[:8]}", "a'b\"c\\ $x/?#@%41"
    script = (DEPLOY / "database" / "role.sh").read_text().replace("taskjuice", name)
    env = {
        "PATH": os.environ["PATH"],
        "PGHOST": given.hostname or "127.0.0.1",
        "PGPORT": str(given.port or 5432),
        "POSTGRES_USER": given.username or "postgres",
        "DATABASE_PASSWORD": password,
    }
    server = psycopg.connect(
        host=env["PGHOST"], port=env["PGPORT"], user=env["POSTGRES_USER"], dbname="postgres", autocommit=True
    )
    with server:
        try:
            subprocess.run(["sh", "-c", script], env=env, check=True, timeout=60, capture_output=True)
            found = server.execute(
                "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = %s",
                [name],
            ).fetchone()
            owner = server.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", [name]
            ).fetchone()
        finally:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
    assert found == (True, False, False, False)
    assert owner == (name,)


@pytest.mark.django_db
@pytest.mark.parametrize("passes", [True, False])
def test_the_deployment_check_warns_of_a_role_that_passes_through(monkeypatch: Any, passes: bool) -> None:
    monkeypatch.setattr(roles, "passes_through", lambda connection: passes)
    found = [one for one in run_checks(include_deployment_checks=True) if one.id == "connections.W001"]
    assert [roles.ADVICE in str(one.msg) for one in found] == ([True] if passes else [])


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_check_asks_for_the_role_that_is_assumed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        (exempt,) = cursor.fetchone()
    assert bool(checks.row_level_security_holds()) is exempt


def test_no_schedule_runs_what_a_row_names() -> None:
    from django_q.conf import Conf

    assert Conf.SCHEDULER is False


@pytest.mark.slow
def test_up_listens_on_ipv6_and_says_what_is_wrong_with_a_host() -> None:
    def asked(host: str, port: int) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--host", host, "--port", str(port)],
            cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        return done.stderr

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        assert "is in use" in asked("::1", taken.getsockname()[1])
    said = asked("2001:db8::1", free_port())
    assert "Cannot listen on 2001:db8::1" in said
    assert "in use" not in said
