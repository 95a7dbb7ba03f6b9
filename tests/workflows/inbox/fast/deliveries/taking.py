"""Deliveries given to the fast path, with and without a thread."""

import json
from collections.abc import Callable
from io import BytesIO
from queue import SimpleQueue
from typing import Any

from pagerduty_app import signatures
from taskjuice.wsgi import application
from tests.factories import SECRET, incident_event
from workflows.inbox.fast import receive as fast_path
from workflows.models import Trigger

SQLITE = "sqlite"


def body_of(**changes: Any) -> bytes:
    return json.dumps(incident_event(**changes)).encode()


def take(trigger: Trigger, body: bytes, secret: str = SECRET) -> str | None:
    """The verdict of the fast path alone."""
    return fast_path.take("pagerduty", str(trigger.token), body=body, signature=signatures.sign(body, secret))


def begin(trigger: Trigger, body: bytes, *, then: Callable[[Any], Any], secret: str = SECRET) -> bool:
    """Whether the fast path was begun without a thread."""
    signature = signatures.sign(body, secret)
    return fast_path.begin("pagerduty", str(trigger.token), body=body, signature=signature, then=then)


def begun(trigger: Trigger, body: bytes, secret: str = SECRET) -> Any:
    """What the fast path without a thread answers in the end; "not begun" if it leaves the delivery to Django."""
    answers: SimpleQueue[Any] = SimpleQueue()
    return answers.get(timeout=20) if begin(trigger, body, then=answers.put, secret=secret) else "not begun"


def post(trigger: Trigger, body: bytes, secret: str = SECRET, **environ: Any) -> tuple[int, Any]:
    """Status and JSON of what the web server is answered."""
    statuses: list[str] = []
    request = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/hooks/pagerduty/{trigger.token}",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_PAGERDUTY_SIGNATURE": signatures.sign(body, secret),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    answer = b"".join(application(request | environ, lambda status, headers: statuses.append(status)))
    return int(statuses[0].split()[0]), json.loads(answer) if answer.startswith(b"{") else answer
