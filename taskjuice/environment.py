"""Values of the environment, each checked when it is read: an error names the variable and never its value."""

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

Value = TypeVar("Value")
_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Everything before the last @ is user and password; a password may contain the special characters of a URL.
_WITH_PASSWORD = re.compile(r"([a-z][a-z0-9+]*://)([^:/?#@]*):(.*)@([^@]*)", re.DOTALL)
_NEXT_REDIS = re.compile(r",(?=rediss?://)")  # a primary and its replicas
_SHORTEST_KEY = 16


@dataclass(frozen=True)
class Address:
    """The address of a server: http(s), a host in ASCII, and the port where it is not the scheme's own."""

    scheme: str
    host: str
    port: int | None

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc_host}" + (f":{self.port}" if self.port else "")

    @property
    def netloc_host(self) -> str:
        """As it stands in a URL and in a Host header: IPv6 in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host


class Environment:
    """The parsed `values` (os.environ). An empty variable counts as unset."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        return bool(self._values.get(name, "").strip())

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, "").strip() or default

    def listed(self, name: str, default: list[Any] | None = None) -> list[Any]:
        """Comma-separated; empty parts are left out."""
        given = [part.strip() for part in self.text(name).split(",") if part.strip()]
        return given or list(default or [])

    def flag(self, name: str, *, default: bool) -> bool:
        given = self.text(name).lower()
        if given and given not in _YES | _NO:
            raise refused(name, "is neither true nor false")
        return given in _YES if given else default

    def whole(self, name: str, default: int, *, least: int = 0) -> int:
        return self._number(name, default, least, int, "a whole number")

    def number(self, name: str, default: float, *, least: float = 0.0) -> float:
        return self._number(name, default, least, float, "a number")

    def _number(self, name: str, default: Value, least: Any, read: Callable[[str], Any], what: str) -> Value:
        if not self.has(name):
            return default
        try:
            value = read(self.text(name))
        except ValueError:
            raise refused(name, f"is not {what}") from None
        if not least <= value < float("inf"):
            raise refused(name, f"has to be {least} or more")
        return value  # type: ignore[no-any-return]

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """The first of `allowed` unless another is given."""
        if (value := self.text(name, allowed[0])) not in allowed:
            raise refused(name, f"is none of {', '.join(allowed)}")
        return value

    def keys(self, name: str, default: str) -> list[str]:
        """Encryption keys, the newest first."""
        found: list[str] = self.listed(name, default.split(",") if default else [])
        if not found:
            raise refused(name, "is missing. docs/configuration.md lists all variables")
        if any(len(key) < _SHORTEST_KEY for key in found):
            raise refused(
                name, f"needs at least {_SHORTEST_KEY} characters for each key (openssl rand -base64 32)"
            )
        return found

    def service(self, name: str, default: str) -> str:
        """The http(s) URL of another server, without a slash at its end."""
        url = self.text(name, default).rstrip("/")
        try:
            parts = urlsplit(url)
            fits = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
        except ValueError:
            fits = False
        if not fits or parts.username is not None or parts.query or parts.fragment:
            raise refused(name, "is not the http(s) URL of a server")
        return url

    def address(self, name: str, default: str) -> Address:
        """The address of this server: http or https, host and port, nothing else."""
        try:
            parts = urlsplit(self.text(name, default))
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise refused(name, "is not a URL; write https://host or https://host:port") from None
        if parts.scheme not in _DEFAULT_PORTS or not host or port == 0:
            raise refused(name, "has to be http://host or https://host, with a :port if need be")
        if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
            raise refused(name, "takes no path, query, fragment or user: only scheme, host and port")
        return Address(
            parts.scheme, _ascii_host(name, host), None if port == _DEFAULT_PORTS[parts.scheme] else port
        )

    def database(self, name: str, default: str, password: str) -> dict[str, Any]:
        """Django's settings. password: the variable that has it where the URL has none; taken as it is."""
        found = self._url(name, default, environ.Env.db_url_config)
        if not str(found.get("ENGINE", "")).endswith(("sqlite3", "postgresql")):
            raise refused(name, "has to begin with sqlite:// or postgres://")
        if self.has(password) and not found.get("PASSWORD"):
            found["PASSWORD"] = self.text(password)
        return found

    def cache(self, name: str, default: str, password: str) -> dict[str, Any]:
        """Django's settings. Only caches that keep JSON, or nothing outside this process."""
        found = self._url(name, default, environ.Env.cache_url_config)
        backend = str(found.get("BACKEND", "")).lower()
        if not backend.endswith(("rediscache", "locmemcache", "dummycache")):
            raise refused(name, "has to begin with redis://, rediss:// or locmemcache://")
        if self.has(password) and "redis" in backend:
            found.setdefault("OPTIONS", {})["password"] = self.text(password)
        return found

    def email(self, name: str, default: str) -> dict[str, Any]:
        """Django's settings, by their names."""
        return self._url(name, default, environ.Env.email_url_config)

    def _url(self, name: str, default: str, read: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        several = _NEXT_REDIS.split(self.text(name, default))
        try:
            with warnings.catch_warnings(action="ignore"):  # they quote what was given
                return read(",".join(map(_encoded, several)))
        except Exception:  # noqa: BLE001 - any message may quote the password
            raise refused(name, "cannot be read as a URL (docs/configuration.md shows its form)") from None


def refused(name: str, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"The environment variable {name} {why}.")


def _encoded(url: str) -> str:
    """The URL with its password percent-encoded, whether it was or not. A % that begins no code is itself."""
    found = _WITH_PASSWORD.fullmatch(url)
    if found is None:
        return url
    password = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", found[3])
    return f"{found[1]}{found[2]}:{quote(password, safe='%')}@{found[4]}"


def _ascii_host(name: str, host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        host = host.encode("idna").decode().lower()
    except UnicodeError:
        raise refused(name, "has a host that is no name") from None
    if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?", host):
        raise refused(name, "has a host that is no name")
    return host
