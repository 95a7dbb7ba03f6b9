"""What the web server calls."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from taskjuice.unmeasured import Measured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
application = Measured(get_wsgi_application(), largest=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
