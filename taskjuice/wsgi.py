"""The WSGI application: deliveries on the fast path, all else Django's. taskjuice.rsgi is what the server calls."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
_django = get_wsgi_application()

from workflows.inbox.fast.wsgi import FastPathMiddleware  # noqa: E402 - needs a set-up Django

application = FastPathMiddleware(_django)
