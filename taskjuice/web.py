"""How the web server is started: one command line for `manage.py up` and for what is measured beside it."""


def command(application: str, *, host: str, port: int, workers: int, threads: int) -> list[str]:
    """What follows the Python interpreter's name. application: a WSGI application as `module:name`."""
    return [
        *("-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "error"),
        application,
    ]
