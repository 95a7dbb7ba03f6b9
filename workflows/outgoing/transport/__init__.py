"""The way to an endpoint: address checks, connection, one POST, named failures."""
