"""The web server's command line, the same for `manage.py up` and for the benchmarks."""

# Connections that a process has open at once. Each costs some kilobytes; those that send no request end below.
_CONNECTIONS = 2048
_HEADERS_WITHIN_MS = 10_000
_HEADER_BYTES = 64 * 1024


def command(application: str, *, host: str, port: int, workers: int) -> list[str]:
    """The arguments after the interpreter. application: a taskjuice.http.gateway.Gateway as `module:name`."""
    return [
        *(
            "-m",
            "granian",
            "--interface",
            "rsgi",
            "--no-ws",
            "--http",
            "1",
            "--host",
            host,
            "--port",
            str(port),
        ),
        *("--workers", str(workers), "--loop", "asyncio", "--runtime-mode", "st"),
        *("--backlog", str(_CONNECTIONS), "--backpressure", str(_CONNECTIONS)),
        *("--http1-header-read-timeout", str(_HEADERS_WITHIN_MS), "--http1-buffer-size", str(_HEADER_BYTES)),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "error"),
        application,
    ]
