"""Ports for servers that a proof or a test starts."""

import random
import socket

# Below what Linux gives to outgoing connections (32768 and up): there, another process's request could take the port
# before its server is started.
_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """Return a port that is free together with the next one."""
    for port in random.SystemRandom().sample(_PORTS, 50):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no two free ports in a row")
