"""Which granted scopes include which."""


def covers(scope: str, granted: list[str]) -> bool:
    """Classic OAuth's `write` implies all six, its `read` the reading ones (developer docs, OAuth).

    scope: one, or several with spaces between, as OAuth itself writes them.
    """
    return all(
        one in granted or "write" in granted or ("read" in granted and one.endswith(".read"))
        for one in scope.split()
    )
