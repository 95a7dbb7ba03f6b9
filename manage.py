#!/usr/bin/env python
"""Django's command line for TaskJuice. Commands see every tenant; processes that serve requests or tasks do not."""

import os
import sys
from contextlib import nullcontext

from core.db import tenant_scope

# Their requests and tasks set the tenant scope themselves.
_SERVE = {"qcluster", "runserver"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "taskjuice.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        import taskjuice.settings  # noqa: F401 - a variable that is missing or wrong is said in one line
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    with nullcontext() if _SERVE.intersection(sys.argv[1:]) else tenant_scope.unscoped():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
