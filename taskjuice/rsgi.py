"""The web server's entry point: the gateway in front of the WSGI application."""

import gc

from taskjuice.wsgi import application as _wsgi

from django.conf import settings  # isort: skip - needs a set-up Django
from django.db.backends.signals import connection_created  # isort: skip

from core.db import lending
from core.db.postgresql import patience
from taskjuice.http.gateway import PATIENCE_SECONDS, Gateway
from workflows.inbox.fast.event_loop import FastPath

patience.for_this_process(settings.DATABASE_PATIENCE_SECONDS)
connection_created.connect(patience.free_locks)
_lender = lending.Lender(settings.WEB_DATABASE_CONNECTIONS, longest=PATIENCE_SECONDS)
application = Gateway(
    _wsgi,
    threads=settings.WEB_THREADS,
    largest=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    deliveries=FastPath(),
    proxies=settings.TRUSTED_PROXIES,
    around=_lender.loan,
    proxied=bool(settings.TRUSTED_PROXIES or settings.HTTPS),
)

# What is loaded by now stays, so the garbage collector need not go through it again and again.
gc.collect()
gc.freeze()
