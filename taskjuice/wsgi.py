"""What the web server calls."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from taskjuice.unmeasured import Measured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
_django = get_wsgi_application()

from pagerduty_app.straight import StraightIn  # noqa: E402 - needs a set-up Django

application = Measured(StraightIn(_django), largest=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

# What is loaded by now stays, so the garbage collector need not go through it again and again.
gc.collect()
gc.freeze()
