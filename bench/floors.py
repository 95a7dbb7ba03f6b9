"""The floors that our receiver is measured against: check the signature, store the body, answer.

A Django application with one view, no middleware and its own table, in the product's database and behind the same
server. FLOOR=a: one row by the ORM. FLOOR=b: the best that we have seen: one raw INSERT on PostgreSQL, one thread with
group commit on SQLite. `python -m bench.floors` creates the table.
"""

import hashlib
import hmac
import os
import queue
import sys
import threading
from typing import Any, ClassVar

from django.conf import settings

from taskjuice.settings import DATABASES

SECRET = "the-signing-secret-of-the-floors"  # noqa: S105 - of nothing but the measurement
PATH = "/floor"
_DATABASE = DATABASES["default"] | {"CONN_HEALTH_CHECKS": False}

settings.configure(
    DATABASES={"default": _DATABASE},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    ROOT_URLCONF="bench.floors",
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    USE_TZ=True,
    LOGGING_CONFIG=None,
)

import django  # noqa: E402 - all of this needs settings

django.setup()

from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

INSERT = "INSERT INTO bench_floor (body, received_at) VALUES (%s, %s)"


class Floor(models.Model):
    """A stored delivery."""

    body = models.BinaryField()
    received_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Floor"]] = models.Manager()

    class Meta:
        app_label = "bench"
        db_table = "bench_floor"


def by_orm(body: bytes) -> None:
    Floor.objects.create(body=body)


def by_sql(body: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, (body, timezone.now()))


class Together:
    """Group commit: all that waits is one transaction, and each caller returns after its commit."""

    def __init__(self) -> None:
        self.waiting: queue.SimpleQueue[tuple[bytes, threading.Event]] = queue.SimpleQueue()
        threading.Thread(target=self._write, daemon=True).start()

    def __call__(self, body: bytes) -> None:
        done = threading.Event()
        self.waiting.put((body, done))
        if not done.wait(30):
            raise TimeoutError("not written")

    def _write(self) -> None:
        while True:
            batch = [self.waiting.get()]
            while not self.waiting.empty():
                batch.append(self.waiting.get())
            connection.ensure_connection()
            raw = connection.connection
            raw.execute("BEGIN IMMEDIATE")
            for body, _ in batch:
                raw.execute(INSERT.replace("%s", "?"), (body, str(timezone.now())))
            raw.execute("COMMIT")
            for _, done in batch:
                done.set()


def _store() -> Any:
    if os.environ.get("FLOOR") != "b":
        return by_orm
    return Together() if connection.vendor == "sqlite" else by_sql


def receive(request: HttpRequest) -> HttpResponse:
    body = request.body
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(f"v1={digest}", request.headers.get("X-PagerDuty-Signature", "")):
        return HttpResponse(status=401, headers={"Content-Length": "0"})
    store(body)
    answer = JsonResponse({"status": "accepted"}, status=202)
    answer["Content-Length"] = str(len(answer.content))
    return answer


urlpatterns = [path("floor", receive)]

if __name__ == "__main__":
    with connection.schema_editor() as editor:
        editor.create_model(Floor)
    sys.exit()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after the views

store = _store()
application = get_wsgi_application()
