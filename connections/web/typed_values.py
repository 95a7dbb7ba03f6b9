"""Values that people type or paste, and that are compared to a provider's later: put in its form, or refused."""

from email.utils import parseaddr
from typing import Any

from django import forms

from connections.grants.registry import OAuthProvider


class AddressField(forms.EmailField):
    """An email address, also as mail programs copy it: `Dana Rivera <dana@acme.example>`, `mailto:dana@…`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # A browser's own check would refuse the longer forms before they come here.
        self.widget.input_type = "text"
        self.widget.attrs |= {"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}

    def to_python(self, value: Any) -> str:
        typed = str(super().to_python(value) or "").strip().rstrip(",;")
        text = typed[7:].partition("?")[0] if typed[:7].lower() == "mailto:" else typed
        return (parseaddr(text)[1] if "<" in text else text) or typed


def account_typed(provider: OAuthProvider, typed: str) -> str:
    """Return the provider's name of the typed account; "" for "". Raises ValueError if it cannot be an account."""
    return provider.account_of(typed)


def is_account(provider: OAuthProvider, typed: str, name: str) -> bool:
    """Return whether `typed`, also in the form of older rows, is the account that the provider calls `name`."""
    return _as_compared(provider, typed) == _as_compared(provider, name)


def _as_compared(provider: OAuthProvider, text: str) -> str:
    try:
        return account_typed(provider, text)
    except ValueError:
        return text.strip().lower()


def searched(provider: OAuthProvider, text: str) -> str:
    """The account that is searched for by its address; "" where the text is none."""
    try:
        return account_typed(provider, text)
    except ValueError:
        return ""
