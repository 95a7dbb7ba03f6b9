"""The product as installed, for benches: it is not taken for another one that runs already."""

import socket

import pytest

from bench.stack import Stack


def test_a_port_that_another_program_has_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        stack = Stack("sqlite", other.getsockname()[1])
        with pytest.raises(RuntimeError, match="is in use"), stack:
            raise AssertionError("it started")

        assert stack.up is None
