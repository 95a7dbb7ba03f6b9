"""The forms of Settings."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest

from connections.grants.registry import OAuthProvider
from connections.models import Connection, User, Workspace
from connections.retention_periods import LEAST_DAYS, MOST_DAYS
from connections.tenancy.permissions import SCOPES
from connections.web.typed_values import AddressField, account_typed
from core.db import clock
from core.text.folding import fold


class Line(forms.CharField):
    """One line of printable characters: it becomes part of tables, log lines and subjects of mails."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if not text.isprintable():
            raise forms.ValidationError("Enter a single line of text.")
        return text


class SignUpForm(forms.Form):
    """The fields of allauth's sign-up form besides address and password (setting ACCOUNT_SIGNUP_FORM_CLASS)."""

    agency = Line(
        max_length=120,
        required=False,
        label="Agency name",
        help_text="Skip this if you were invited to an existing agency.",
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """Store the name for connections.accounts.signup, which creates the agency once the user is saved."""
        request.agency_name = self.cleaned_data["agency"]  # type: ignore[attr-defined]


class RetentionForm(forms.Form):
    """The retention period, in days. now: the present one."""

    days = forms.IntegerField(min_value=LEAST_DAYS, max_value=MOST_DAYS, label="Days")
    sure = forms.BooleanField(
        required=False, label="I understand older data will be permanently deleted", label_suffix=""
    )

    def __init__(self, *args: Any, now: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].initial = now
        self.fields["days"].help_text = f"Between {LEAST_DAYS} and {MOST_DAYS:,}."
        self._now = now

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        days = data.get("days")
        if days is not None and days < self._now and not data.get("sure"):
            self.add_error("sure", f"Confirm: data older than {days} days is permanently deleted.")
        return data


class ConnectForm(forms.Form):
    """The workspace and label of a new connection."""

    provider = forms.ChoiceField(widget=forms.HiddenInput)
    label = Line(
        max_length=120,
        label="Label",
        help_text="A name for this connection, e.g. the client’s name.",
    )
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)

    def __init__(
        self, *args: Any, provider: OAuthProvider, workspaces: QuerySet[Workspace], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["provider"].choices = [(provider.key, provider.name)]  # type: ignore[attr-defined]
        self.fields["provider"].initial = provider.key
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]
        offer_optional(self, provider)


def offer_optional(form: forms.Form, provider: OAuthProvider) -> None:
    """Add a box to tick for each of the provider's optional permissions."""
    for permission in provider.optional:
        form.fields[permission.box] = forms.BooleanField(
            required=False, label=permission.label, help_text=permission.unlocks, label_suffix=""
        )


def optional_of(data: Mapping[str, Any], provider: OAuthProvider) -> list[str]:
    """Return the keys of the optional permissions whose boxes are ticked in a form's data."""
    return [permission.key for permission in provider.optional if data.get(permission.box)]


class ReconnectForm(forms.Form):
    """The permissions of a further consent. optional_asked: tells boxes left empty from a form without them."""

    optional_asked = forms.CharField(widget=forms.HiddenInput, initial="1")

    def __init__(self, *args: Any, provider: OAuthProvider, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_optional(self, provider)


class ConnectionForm(forms.Form):
    """The settings of a connection."""

    label = Line(
        max_length=120,
        label="Label",
        help_text="Renaming doesn’t affect workflows or triggers.",
    )
    default_from = AddressField(
        max_length=254,
        required=False,
        label="Default “From” user",
        help_text="Used by default for actions that need a “From” user. Must be a user of the connected "
        "account; checked each time.",
    )


class OAuthAppForm(forms.Form):
    """A client's own app; the secret is never shown again."""

    client_id = Line(max_length=200, label="Client ID")
    client_secret = forms.CharField(
        max_length=400,
        label="Client secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Stored encrypted and never shown again.",
    )

    def clean_client_secret(self) -> str:
        return _token(self.cleaned_data["client_secret"])

    def clean_client_id(self) -> str:
        return _token(self.cleaned_data["client_id"])


def _token(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise forms.ValidationError("Copy it exactly as shown: letters, digits and symbols, no spaces.")
    return text


class NameForm(forms.Form):
    name = Line(max_length=120, label="Name")


class RevokeForm(forms.Form):
    """The confirmation of a revocation: the label, typed again."""

    label = forms.CharField(
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._label = label
        self.fields["label"].label = f"Type “{label}” to confirm"

    def clean_label(self) -> str:
        typed: str = self.cleaned_data["label"]
        if fold(" ".join(typed.split())) != fold(" ".join(self._label.split())):
            raise forms.ValidationError(f"Doesn’t match. Type: {self._label}")
        return typed


class InviteForm(forms.Form):
    """The email address and role of a new member."""

    email = AddressField(max_length=254, label="Email address")
    role = forms.ChoiceField(
        choices=[
            ("member", "Member – can build and connect"),
            ("admin", "Admin – can also manage members, workspaces and keys"),
        ],
        label="Role",
    )


class ClientLinkForm(forms.Form):
    """The client to invite, and the workspace; for an existing connection only the client."""

    label = Line(
        max_length=120, label="Label", help_text="A name for this connection, e.g. the client’s name."
    )
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)
    email = AddressField(
        max_length=254,
        required=False,
        label="Client’s email address",
        help_text="Leave blank to copy the link and share it yourself.",
    )
    expected_account = Line(max_length=300, required=False)

    def __init__(
        self,
        *args: Any,
        provider: OAuthProvider,
        workspaces: QuerySet[Workspace],
        connection: Connection | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        expected = self.fields["expected_account"]
        expected.label = f"Client’s {provider.name} {provider.account_called} (optional)"
        expected.help_text = f"{provider.account_example} Any other account is then rejected."
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]
        offer_optional(self, provider)
        self._provider = provider
        if connection is not None:
            del self.fields["label"], self.fields["workspace"]

    def clean_expected_account(self) -> str:
        """As the provider will call it, or refused: a link that waits for what cannot be serves no one."""
        try:
            return account_typed(self._provider, self.cleaned_data["expected_account"])
        except ValueError:
            called, example = self._provider.account_called, self._provider.account_example
            raise forms.ValidationError(
                f"Not a valid {called}. Use letters, digits and hyphens, such as {example}"
            ) from None


class KeyForm(forms.Form):
    """A new API key: what it is called, where it belongs, what it may do, and until when."""

    name = Line(max_length=120, label="Name", help_text="The software that uses it, e.g. “Reporting”.")
    workspace = forms.ModelChoiceField(queryset=Workspace.objects.none(), label="Workspace", empty_label=None)
    scopes = forms.MultipleChoiceField(
        choices=[(scope, words) for scope, words in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        label="Permissions (scopes)",
        error_messages={"required": "Select at least one."},
    )
    days = forms.TypedChoiceField(
        choices=[("90", "90 days"), ("365", "1 year"), ("30", "30 days"), ("", "No expiration")],
        coerce=int,
        empty_value=None,
        required=False,
        initial="90",
        label="Expiration",
    )

    def __init__(self, *args: Any, workspaces: QuerySet[Workspace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workspace"].queryset = workspaces  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Add `expires_at`: an aware time, or None."""
        data = super().clean() or {}
        days = data.get("days")
        data["expires_at"] = clock.now() + timedelta(days=days) if days else None
        return data
