"""Refusals in PagerDuty's form: {"error": {"message", "code", "errors"}} (developer docs, errors)."""

from typing import Any


class Refused(Exception):
    """A response other than success."""

    def __init__(self, status: int, code: int, message: str, *errors: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = list(errors)
        self.more = more

    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "code": self.code, "errors": self.errors, **self.more}}


def invalid(*errors: str) -> Refused:
    return Refused(400, 2001, "Invalid Input Provided", *errors)


def unauthorized() -> Refused:
    return Refused(401, 2006, "Authentication failed")


def missing_scope(scope: str, granted: list[str]) -> Refused:
    """Return a refusal that names the scopes beside the message, as client libraries report it."""
    scopes = {"required_scopes": scope, "token_scopes": " ".join(granted)}
    return Refused(403, 2010, "Token missing required scopes", **scopes)


def not_found(code: int = 2100, message: str = "Not Found") -> Refused:
    return Refused(404, code, message)
