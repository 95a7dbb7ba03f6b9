"""What the web server calls: the gateway in front of the WSGI application."""

import gc

from taskjuice.wsgi import application as _wsgi

from django.conf import settings  # isort: skip - needs a set-up Django

from core.db.postgresql import patience
from taskjuice.http.gateway import Gateway
from workflows.inbox.fast.ahead import Ahead

patience.for_this_process(settings.DATABASE_PATIENCE_SECONDS)
application = Gateway(
    _wsgi,
    threads=settings.WEB_THREADS,
    largest=settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    deliveries=Ahead(),
    proxies=settings.TRUSTED_PROXIES,
    proxied=bool(settings.TRUSTED_PROXIES or settings.HTTPS),
)

# What is loaded by now stays, so the garbage collector need not go through it again and again.
gc.collect()
gc.freeze()
