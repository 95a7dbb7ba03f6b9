"""Values of the environment: taken as they are meant, or refused by name and without what they hold."""

import runpy
import subprocess
import sys
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from taskjuice.environment import Environment

PASSWORDS = ["pa/ss", "pa?ss", "pa#ss", "pa@ss", "pa%ss", "pa:ss", "p+ a&=s", "%", "/?#@%:", "plain"]
HIDDEN = "s3cr3t"


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("encoded", [True, False], ids=["encoded", "as it is"])
def test_a_password_may_have_any_sign_in_it(password: str, encoded: bool) -> None:
    written = quote(password, safe="") if encoded else password
    env = Environment(
        {
            "D": f"postgres://user:{written}@[::1]:5433/name?sslmode=require",
            "E": f"smtp+tls://user:{written}@mail.example:587",
            "C": f"redis://:{written}@cache:6379/1",
        }
    )

    database = env.database("D", "", password="P")
    assert (database["USER"], database["PASSWORD"], database["HOST"]) == ("user", password, "::1")
    assert (database["PORT"], database["NAME"], database["OPTIONS"]) == (5433, "name", {"sslmode": "require"})
    mail = env.email("E", "")
    assert (mail["EMAIL_HOST_PASSWORD"], mail["EMAIL_HOST"], mail["EMAIL_PORT"]) == (
        password,
        "mail.example",
        587,
    )
    assert env.cache("C", "", password="P")["LOCATION"] == f"redis://:{quote(password, safe='')}@cache:6379/1"


def test_a_password_may_come_by_itself() -> None:
    env = Environment({"D": "postgres://user@host/name", "C": "redis://cache:6379/0", "P": "/?#@%41"})
    assert env.database("D", "", password="P")["PASSWORD"] == "/?#@%41"
    assert env.cache("C", "", password="P")["OPTIONS"] == {"password": "/?#@%41"}
    assert "PASSWORD" not in {
        k for k, v in env.database("X", "sqlite:///x", password="P").items() if not v
    } | {"x"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"postgres://user:{HIDDEN}@host:{HIDDEN}/name"),
        ("DATABASE_URL", f"mysql://user:{HIDDEN}@host/name"),
        ("DATABASE_URL", HIDDEN),
        ("DATABASE_URL", f"postgers://user:{HIDDEN}@host/name"),
        ("EMAIL_URL", f"smtp://user:{HIDDEN}@host:{HIDDEN}"),
        ("EMAIL_URL", f"{HIDDEN}://host"),
        ("CACHE_URL", f"filecache:///{HIDDEN}"),
        ("CACHE_URL", f"{HIDDEN}"),
        ("PUBLIC_BASE_URL", f"https://user:{HIDDEN}@host.example"),
        ("PUBLIC_BASE_URL", f"https://host.example/{HIDDEN}"),
        ("PUBLIC_BASE_URL", f"https://host.example?{HIDDEN}"),
        ("PUBLIC_BASE_URL", f"https://host.example#{HIDDEN}"),
        ("PUBLIC_BASE_URL", f"ftp://{HIDDEN}.example"),
        ("PUBLIC_BASE_URL", f"https://host.example:{HIDDEN}"),
        ("PUBLIC_BASE_URL", "https://"),
        ("PUBLIC_BASE_URL", f"https://[::{HIDDEN}"),
        ("PUBLIC_BASE_URL", f"https://ho st.{HIDDEN}"),
        ("ENCRYPTION_KEYS", "short"),
        ("ENCRYPTION_KEYS", f"a-long-enough-key-of-ours,{HIDDEN}"),
        ("ENCRYPTION_KEYS", ","),
        ("METRICS_TOKEN", HIDDEN),
        ("SENTRY_DSN", f"https://{HIDDEN}@"),
        ("PAGERDUTY_OAUTH_MODE", HIDDEN),
        ("PAGERDUTY_API_URL", f"https://user:{HIDDEN}@api.example"),
        ("PAGERDUTY_IDENTITY_URL", HIDDEN),
        ("PAGERDUTY_SETTLE_SECONDS", HIDDEN),
        ("PAGERDUTY_SETTLE_SECONDS", "nan"),
        ("WEB_WORKERS", HIDDEN),
        ("WEB_WORKERS", "0"),
        ("TASK_WORKERS", "-1"),
        ("TRUSTED_PROXIES", "-1"),
        ("API_PER_MINUTE", "1.5"),
        ("DEBUG", HIDDEN),
        ("HOOKS_ALLOW_PRIVATE", HIDDEN),
    ],
)
def test_what_is_wrong_stops_the_start_with_its_name_alone(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, name: str, value: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", "x" * 60)
    monkeypatch.setenv("ENCRYPTION_KEYS", "y" * 60)
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://taskjuice.example")
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as caught:
        runpy.run_path(str(settings.BASE_DIR / "taskjuice" / "settings.py"))
    assert name in str(caught.value)
    said = str(caught.value) + "".join(str(warning.message) for warning in recwarn)
    assert HIDDEN[1:] not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", f"postgres://user:x@host:{HIDDEN}/name"), ("ENCRYPTION_KEYS", "short-" + HIDDEN[:3])],
)
def test_a_command_says_it_in_one_line(name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=settings.BASE_DIR, env={name: value}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout + done.stderr == done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert name in done.stderr
    assert value not in done.stderr


@pytest.mark.parametrize(
    ("given", "url", "host"),
    [
        ("https://TaskJuice.example/", "https://taskjuice.example", "taskjuice.example"),
        ("https://taskjuice.example:443", "https://taskjuice.example", "taskjuice.example"),
        ("http://taskjuice.example:80", "http://taskjuice.example", "taskjuice.example"),
        ("https://b\u00fccher.example:8443", "https://xn--bcher-kva.example:8443", "xn--bcher-kva.example"),
        ("http://[::1]:8000", "http://[::1]:8000", "[::1]"),
        ("https://[2001:DB8:0::7]", "https://[2001:db8::7]", "[2001:db8::7]"),
        ("http://192.0.2.7:8000", "http://192.0.2.7:8000", "192.0.2.7"),
    ],
)
def test_where_the_server_is_reached(given: str, url: str, host: str) -> None:
    address = Environment({"PUBLIC_BASE_URL": given}).address("PUBLIC_BASE_URL", "")
    assert (address.url, address.netloc_host) == (url, host)


def test_an_empty_variable_is_as_one_that_is_not_set() -> None:
    env = Environment({"A": "", "B": " ", "C": "a, ,b"})
    assert (env.text("A", "x"), env.whole("B", 3), env.flag("A", default=True)) == ("x", 3, True)
    assert (env.listed("A", ["x"]), env.listed("C"), env.has("B")) == (["x"], ["a", "b"], False)


def test_a_primary_and_its_replicas_have_passwords_of_their_own() -> None:
    env: Any = Environment({"CACHE_URL": "redis://:a/b@one:6379/0,redis://:c@two:6379/0"})
    assert env.cache("CACHE_URL", "", password="P")["LOCATION"] == (
        "redis://:a%2Fb@one:6379/0,redis://:c@two:6379/0"
    )
