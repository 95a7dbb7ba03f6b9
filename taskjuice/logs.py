"""Log lines: one event each, JSON outside development, with the request id bound by django-structlog."""

import logging
from typing import Any

import structlog

from core.metrics import LOG_LINES

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
]

# One list for good: loggers keep the one that they were first used with, however often the settings are read.
_PROCESSORS: list[Any] = [
    structlog.stdlib.filter_by_level,
    *_SHARED,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


class Counted(logging.Handler):
    """Count warnings and errors for /metrics: each fault of ours logs a line."""

    def emit(self, record: logging.LogRecord) -> None:
        LOG_LINES.labels("error" if record.levelno >= logging.ERROR else "warning").inc()


def without_query(event: Any, hint: Any) -> Any:
    """For Sentry: what is after the "?" of an address can be a secret (a link of ours, a sign-in's code)."""
    request = event.get("request") or {}
    request.pop("query_string", None)
    (request.get("headers") or {}).pop("Referer", None)
    return event


def logging_config(*, json: bool) -> dict[str, Any]:
    """The LOGGING dict for Django; also points structlog's own loggers at it.

    Exceptions are written without local variables: a frame may hold a token.
    """
    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *([structlog.processors.format_exc_info] if json else []),
                    renderer,
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "line"},
            "counted": {"class": "taskjuice.logs.Counted", "level": "WARNING"},
        },
        "root": {"handlers": ["console", "counted"], "level": "INFO"},
        "loggers": {
            "django.server": {"handlers": [], "propagate": False},
            "django-q": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            # It warns of each further error of a pipeline that has failed, with values of the row.
            "psycopg": {"level": "ERROR"},
        },
    }
