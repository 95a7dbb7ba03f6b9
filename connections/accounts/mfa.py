"""Second factors: allauth's secrets, sealed like every other."""

from allauth.mfa.adapter import DefaultMFAAdapter

from core.crypto import open_text, seal_text

_PURPOSE = "second factor"


class SealedSecrets(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth seals before it has a row, so these are bound to their purpose only."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": "Wrong code."}

    def encrypt(self, text: str) -> str:
        return seal_text(_PURPOSE, text)

    def decrypt(self, encrypted_text: str) -> str:
        return open_text(_PURPOSE, encrypted_text)
