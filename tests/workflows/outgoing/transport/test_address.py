"""Names that lead inside now and then, resolvers, proxies, certificates: where a POST to an endpoint really goes."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured

from connections.models import Workspace
from core.errors import Problem
from tests.factories import SYSTEM, Ask
from tests.support.http_sinks import PUBLIC, Internet, Listener, sink, until
from workflows import worker
from workflows.models import Hook, HookDelivery
from workflows.outgoing import endpoints
from workflows.outgoing.transport import address, http

pytestmark = pytest.mark.django_db

NAMES = {"hooks.example.com": [[PUBLIC]], "inside.example.com": [["127.0.0.1"]]}


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    opened = Listener(monkeypatch)
    yield opened
    opened.close()


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch, listener: Listener) -> Internet:
    made = Internet(monkeypatch, listener)
    made.names = {**NAMES}
    return made


def stored(workspace: Workspace, url: str) -> Hook:
    """An address that came past the check on saving."""
    hook = Hook.objects.create(workspace=workspace, name="Hostile", url=url)
    endpoints.rotate(actor=SYSTEM, hook=hook)
    return hook


def tell(hook: Hook, times: int = 1) -> list[HookDelivery]:
    """That many tests to the hook, sent."""
    made = [endpoints.send_test(actor=SYSTEM, hook=hook) for _ in range(times)]
    while worker.send_hooks():
        pass
    return list(HookDelivery.objects.filter(pk__in=[one.pk for one in made]).order_by("seq"))


@pytest.mark.slow
def test_an_alternating_answer_never_leads_inside(
    workspace: Workspace, internet: Internet, listener: Listener
) -> None:
    internet.names["flip.example.com"] = [
        [PUBLIC],
        ["127.0.0.1"],
        [PUBLIC],
        ["::1"],
        [PUBLIC],
        ["::ffff:127.0.0.1"],
        [PUBLIC, "127.0.0.1"],
        ["127.0.0.1", PUBLIC],
    ]
    hook = stored(workspace, "https://flip.example.com/in")

    deliveries = tell(hook, 200)

    errors = [delivery.tries[0]["error"] for delivery in deliveries]
    assert (errors.count("unreachable"), errors.count("not_public")) == (125, 75)
    assert internet.connected_to == [PUBLIC] * 125
    assert listener.connections == 0


def test_the_listener_counts_what_does_reach_it(
    workspace: Workspace, internet: Internet, listener: Listener, settings: Any, monkeypatch: Any
) -> None:
    settings.HOOKS_ALLOW_PRIVATE = True
    monkeypatch.setattr(http, "SECONDS", 0.3)

    tell(stored(workspace, "https://inside.example.com/in"))

    assert until(lambda: listener.connections == 1)


def test_a_name_that_leads_nowhere_is_not_saved(ask: Ask, internet: Internet) -> None:
    internet.names["gone.example.com"] = [[]]
    answer = ask("post", "hooks/", {"name": "Gone", "url": "https://gone.example.com/"})
    assert "does not resolve" in str(answer.json()["error"]["fields"]["url"])


def test_a_resolver_that_takes_its_time_keeps_nobody_waiting(monkeypatch: Any) -> None:
    released = threading.Event()
    monkeypatch.setattr(address, "_LOOK_UP_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: released.wait(5) and [])
    with pytest.raises(Problem):
        address.check("https://slow.example.com/")
    released.set()


def test_a_proxy_of_the_environment_is_not_used(
    workspace: Workspace, internet: Internet, listener: Listener, monkeypatch: Any
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")

    (delivery,) = tell(stored(workspace, "https://hooks.example.com/in"))

    assert delivery.tries[0]["error"] == "unreachable"
    assert internet.connected_to == [PUBLIC]
    assert listener.connections == 0


def test_local_addresses_are_for_development_alone(monkeypatch: Any) -> None:
    import importlib

    from taskjuice import settings as ours

    monkeypatch.setenv("HOOKS_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("SECRET_KEY", "x" * 60)
    monkeypatch.setenv("ENCRYPTION_KEYS", "x" * 60)
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://taskjuice.example")
    with pytest.raises(ImproperlyConfigured, match="HOOKS_ALLOW_PRIVATE"):
        importlib.reload(ours)
    monkeypatch.undo()
    importlib.reload(ours)


def certificate(folder: Path, name: str) -> Path:
    """A file with a key and a certificate for `name` by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path = folder / f"{name}.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem)
    )
    return path


@pytest.mark.parametrize(
    ("certified", "error"), [("hooks.example.com", ""), ("other.example.com", "bad_certificate")]
)
def test_a_public_server_is_reached_by_its_certified_name(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    certified: str,
    error: str,
) -> None:
    pem = certificate(tmp_path, certified)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(pem))
    internet = Internet(monkeypatch)
    internet.names = {**NAMES}
    with sink() as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        internet.behind = server.server_address[1]

        (delivery,) = tell(stored(workspace, "https://hooks.example.com/in"))

    assert delivery.tries[0]["error"] == error
    assert [headers["host"] for headers in server.headers] == ([] if error else ["hooks.example.com"])
