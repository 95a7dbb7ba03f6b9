"""Where a hook may point, and that whatever it points at, nothing on this machine is ever reached."""

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
from tests.workflows.conftest import SYSTEM, Ask
from tests.workflows.hook_sinks import PUBLIC, Internet, Listener, sink, until
from workflows import worker
from workflows.models import Hook, HookDelivery
from workflows.outgoing import endpoints
from workflows.outgoing.transport import address, http

pytestmark = pytest.mark.django_db

# {port} is the listener's.
HOSTILE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "https://127.0.0.1/",
    "https://127.0.0.1:{port}/",
    "https://localhost/",
    "https://localhost:{port}/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.1:{port}/",
    "https://2130706433/",
    "https://2130706433:{port}/",
    "https://0x7f000001/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0177.0.0.01:{port}/",
    "https://00000177.0.0.1/",
    "https://127.0.0.0x1/",
    "https://127.0x1/",
    "https://4294967297/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0.0.0.0:{port}/",
    "https://127.255.255.254/",
    "https://[::1]/",
    "https://[::1]:{port}/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata/",
    "https://100.100.100.200/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://user@127.0.0.1/",
    "https://hooks.example.com@127.0.0.1/",
    "https://hooks.example.com:443@127.0.0.1:{port}/",
    "https://user:password@hooks.example.com/",
    "https://127.0.0.1#@hooks.example.com/",
    "https://127.0.0.1\\@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https:\\\\127.0.0.1/",
    "https:/127.0.0.1/",
    "https:127.0.0.1/",
    "//127.0.0.1/",
    "https:///127.0.0.1/",
    "https://127.0.0.1%2f@hooks.example.com/",
    "https://127%2e0%2e0%2e1/",
    "https://%31%32%37.0.0.1/",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "https://127\u30020\u30020\u30021/",
    "https://127\uff0e0\uff0e0\uff0e1/",
    "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "https://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    "https://loc\u00adalhost/",
    "https://127.0.0.1\t/",
    "https://127.0.0.1\r\nHost: hooks.example.com/",
    " https://127.0.0.1/",
    "https://hooks.example.com:{port}/",
    "https://hooks.example.com:22/",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://hooks.example.com:/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "unix:///var/run/docker.sock",
    "http://hooks.example.com/",
    "https://inside.example.com/",
    "https://inside6.example.com/",
    "https://mapped.example.com/",
    "https://metadata.example.com/",
    "https://mixed.example.com/",
    "https://app.localhost/",
    "https://printer.local/",
    "https://",
    "",
]
NAMES = {
    "hooks.example.com": [[PUBLIC]],
    "inside.example.com": [["127.0.0.1"]],
    "inside6.example.com": [["::1"]],
    "mapped.example.com": [["::ffff:127.0.0.1"]],
    "metadata.example.com": [["169.254.169.254"]],
    "mixed.example.com": [[PUBLIC, "127.0.0.1"]],
}


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
    """As somebody would have it who came past the check on saving."""
    hook = Hook.objects.create(workspace=workspace, name="Hostile", url=url)
    endpoints.rotate(actor=SYSTEM, hook=hook)
    return hook


def tell(hook: Hook, times: int = 1) -> list[HookDelivery]:
    """That many tests to the hook, sent."""
    made = [endpoints.send_test(actor=SYSTEM, hook=hook) for _ in range(times)]
    while worker.send_hooks():
        pass
    return list(HookDelivery.objects.filter(pk__in=[one.pk for one in made]).order_by("seq"))


def test_there_are_at_least_eighty_hostile_addresses() -> None:
    assert len(set(HOSTILE)) >= 80


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_neither_saved_nor_reached(
    ask: Ask, workspace: Workspace, internet: Internet, listener: Listener, url: str
) -> None:
    url = url.replace("{port}", str(listener.port))

    answer = ask("post", "hooks/", {"name": "Hostile", "url": url})
    (delivery,) = tell(stored(workspace, url))

    assert answer.status_code == 400
    assert "url" in answer.json()["error"]["fields"]
    assert not Hook.objects.exclude(name="Hostile").exists()
    assert listener.connections == 0
    # A name with one public address among others is not saved; sent to, that address alone is tried.
    reached = [PUBLIC] if "mixed" in url else []
    assert internet.connected_to == reached
    assert delivery.status == "dead"
    assert delivery.tries[0]["error"] in (["unreachable"] if reached else ["bad_address", "not_public"])


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
