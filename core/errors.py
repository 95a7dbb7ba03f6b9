"""Expected failures that a caller can understand; `connections.api.errors` turns them into answers."""

from typing import Any


class Problem(Exception):
    """A refusal with its five fields. `status` is the HTTP status an API caller gets.

    fields: {"from": ["…"]} names the inputs at fault. provider_status: the provider's HTTP status, if it
    answered. retryable: whether the same request may succeed later. detail: facts for a program, no secrets.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        fields: dict[str, Any] | None = None,
        provider_status: int | None = None,
        retryable: bool = False,
        detail: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields
        self.provider_status = provider_status
        self.retryable = retryable
        self.detail = detail or {}
        self.retry_after = retry_after

    @property
    def reasons(self) -> list[str]:
        """The provider's own reasons, in words."""
        return reasons_of({"detail": self.detail})

    @property
    def in_words(self) -> str:
        """The message with the reasons behind it, for where there is room for one sentence only."""
        return sentence_of(self.message, self.reasons)

    def as_error(self) -> dict[str, Any]:
        """The failure as it is stored on a call: {"code","message","provider_status","retryable","detail"}."""
        detail = {**self.detail, "fields": self.fields} if self.fields else self.detail
        return {
            "code": self.code,
            "message": self.message,
            "provider_status": self.provider_status,
            "retryable": self.retryable,
            "detail": detail,
        }


def reasons_of(error: Any) -> list[str]:
    """The provider's reasons in a stored error; rows from before they were called so have them as `errors`."""
    detail = error.get("detail") if isinstance(error, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    reasons = detail.get("reasons") or detail.get("errors")
    return [reason for reason in reasons if isinstance(reason, str)] if isinstance(reasons, list) else []


def sentence_of(message: str, reasons: list[str]) -> str:
    """“Invalid input: title is too long; service is gone.”"""
    return f"{message.rstrip('.')}: {'; '.join(reasons).rstrip('.')}." if reasons else message


def in_words(error: Any) -> str:
    """A stored error as one sentence, with its reasons; "" for none."""
    message = error.get("message") if isinstance(error, dict) else None
    return sentence_of(str(message), reasons_of(error)) if message else ""


def not_found(what: str = "This") -> Problem:
    """Return the error for a row that does not exist, or that belongs to another tenant."""
    return Problem("not_found", f"{what} does not exist in your workspace.", status=404)
