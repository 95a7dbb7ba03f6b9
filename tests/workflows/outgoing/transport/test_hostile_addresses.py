"""Addresses that are none of the public internet: not saved, and not connected to where they are stored already."""

from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from connections.models import Workspace
from core.errors import Problem
from tests.factories import SYSTEM, Ask
from tests.support.http_sinks import PUBLIC, Internet, Listener
from workflows import worker
from workflows.models import Hook, HookDelivery
from workflows.outgoing import endpoints
from workflows.outgoing.transport import address
from workflows.outgoing.transport.http import Exchange, Outcome

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
# Of each kind one: these go all the way, over the API and by the worker.
ALL_THE_WAY = [
    "http://127.0.0.1:{port}/",
    "https://LOCALHOST/",
    "https://0x7f.0x0.0x0.0x1/",
    "https://[::ffff:127.0.0.1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://hooks.example.com:443@127.0.0.1:{port}/",
    "https://127.0.0.1\r\nHost: hooks.example.com/",
    "https://mixed.example.com/",
    "file:///etc/passwd",
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


def posted(url: str) -> Outcome:
    landed: SimpleQueue[Exchange] = SimpleQueue()
    Exchange(url, {}, b"{}", landed).start()
    outcome = landed.get(timeout=10).outcome
    assert outcome is not None
    return outcome


def not_reached(url: str, error: str, internet: Internet, listener: Listener) -> None:
    """A name with one public address among others is not saved; sent to, that address alone is tried."""
    reached = [PUBLIC] if "mixed" in url else []
    assert internet.connected_to == reached
    assert listener.connections == 0
    assert error in (["unreachable"] if reached else ["bad_address", "not_public"])


def test_there_are_at_least_eighty_hostile_addresses() -> None:
    assert len(set(HOSTILE)) >= 80
    assert set(ALL_THE_WAY) < set(HOSTILE)


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_neither_accepted_nor_reached(
    internet: Internet, listener: Listener, url: str
) -> None:
    url = url.replace("{port}", str(listener.port))

    with pytest.raises(Problem) as refused:
        address.check(url)
    outcome = posted(url)

    assert refused.value.code == "invalid_input"
    assert set(refused.value.fields or {}) == {"url"}
    assert outcome.status is None
    not_reached(url, outcome.error, internet, listener)


@pytest.mark.django_db
@pytest.mark.parametrize("url", ALL_THE_WAY)
def test_a_hostile_address_is_neither_saved_nor_sent_to(
    ask: Ask, workspace: Workspace, internet: Internet, listener: Listener, url: str
) -> None:
    url = url.replace("{port}", str(listener.port))

    answer = ask("post", "hooks/", {"name": "Hostile", "url": url})
    hook = Hook.objects.create(workspace=workspace, name="Stored before", url=url)
    endpoints.rotate(actor=SYSTEM, hook=hook)
    endpoints.send_test(actor=SYSTEM, hook=hook)
    while worker.send_hooks():
        pass

    assert answer.status_code == 400
    assert "url" in answer.json()["error"]["fields"]
    assert Hook.objects.get() == hook
    delivery = HookDelivery.objects.get()
    assert delivery.status == "dead"
    not_reached(url, delivery.tries[0]["error"], internet, listener)
