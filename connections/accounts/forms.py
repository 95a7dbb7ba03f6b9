"""The forms of allauth whose labels are not in sentence case (setting ACCOUNT_FORMS)."""

from typing import Any

from allauth.account import forms


class ChangePassword(forms.ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Current password"
        _name_new_password(self)


class ResetPasswordKey(forms.ResetPasswordKeyForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name_new_password(self)


def _name_new_password(form: Any) -> None:
    for name, label in (("password1", "New password"), ("password2", "New password (again)")):
        form.fields[name].label = form.fields[name].widget.attrs["placeholder"] = label
