"""Codes and tokens: one-use codes of 30 seconds, rotating refresh tokens, RS256 id_tokens (developer docs, OAuth)."""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pagerduty_app.sandbox.world.store import Store

Json = dict[str, Any]
CODE_SECONDS = 30
_STORED_KEY = "sandbox-1"


class InvalidGrant(Exception):
    """A code or refresh token that is unknown, used or expired."""


class Tokens:
    """Issued codes, tokens and grants, kept in the store."""

    def __init__(self, store: Store, base_url: str) -> None:
        self._store = store
        self._base_url = base_url
        self.lifetime = 86_400
        self.renewals = {"done": 0, "refused": 0}  # since it was started
        self._private_key = self._key()

    # --- codes -------------------------------------------------------------------------------------
    def new_code(self, consent: Json) -> str:
        """Issue a code. consent: {"client", "redirect_uri", "challenge", "scopes", "user", "account"}."""
        code = secrets.token_urlsafe(24)
        self._store.put("code", code, {**consent, "until": time.time() + CODE_SECONDS})
        return code

    def use_code(self, code: str, *, client: str, redirect_uri: str, verifier: str) -> Json:
        """Return the token endpoint's response for a code. Raise InvalidGrant."""
        with self._store.transaction():
            consent = self._store.get("code", code)
            if consent is None or not self._store.delete("code", code):
                raise InvalidGrant("unknown or used code")
        if time.time() > consent["until"]:
            raise InvalidGrant("the code has expired")
        if consent["client"] != client or consent["redirect_uri"] != redirect_uri:
            raise InvalidGrant("the code was issued to another client")
        if consent["challenge"] and challenge_of(verifier) != consent["challenge"]:
            raise InvalidGrant("code_verifier does not fit")
        grant = {
            "id": secrets.token_hex(12),
            "client": client,
            "account": consent["account"],
            "user": consent["user"],
            "scopes": consent["scopes"],
            "revoked": False,
        }
        self._store.put("grant", grant["id"], grant, consent["account"])
        return self._answer(grant)

    # --- tokens ------------------------------------------------------------------------------------
    def refresh(self, token: str, *, client: str) -> Json:
        """Return a new pair and invalidate the old refresh token. Raise InvalidGrant."""
        with self._store.transaction():
            held = self._store.get("refresh", token)
            grant = self._store.get("grant", held["grant"]) if held else None
            if held is None or grant is None or held["used"] or grant["revoked"] or grant["client"] != client:
                self.renewals["refused"] += 1
                raise InvalidGrant("unknown, used or revoked refresh token")
            self.renewals["done"] += 1
            self._store.put("refresh", token, {**held, "used": True})
            return self._answer(grant)

    def grant_of(self, access_token: str) -> Json | None:
        """Return the grant of a valid access token."""
        held = self._store.get("access", access_token)
        if held is None or time.time() > held["until"]:
            return None
        grant = self._store.get("grant", held["grant"])
        return grant if grant and not grant["revoked"] else None

    def accounts_of(self, client: str) -> set[str]:
        """Return the ids of the accounts that have authorized the app and not removed it."""
        grants = self._store.all("grant")
        return {row["account"] for row in grants if row["client"] == client and not row["revoked"]}

    def revoke(self, **wanted: str) -> int:
        """Revoke grants as if the user removed the app. wanted: client, account or user. Return how many."""
        revoked = 0
        for grant in self._store.all("grant"):
            if not grant["revoked"] and all(grant.get(name) == value for name, value in wanted.items()):
                self._store.put("grant", grant["id"], {**grant, "revoked": True})
                revoked += 1
        return revoked

    def _answer(self, grant: Json) -> Json:
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._store.put("access", access, {"grant": grant["id"], "until": time.time() + self.lifetime})
        self._store.put("refresh", refresh, {"grant": grant["id"], "used": False})
        return {
            "access_token": access,
            "refresh_token": refresh,
            "id_token": self._id_token(grant),
            "token_type": "bearer",
            "scope": " ".join(grant["scopes"]),
            "expires_in": self.lifetime,
        }

    # --- id_token ----------------------------------------------------------------------------------
    def _id_token(self, grant: Json) -> str:
        account = self._store.get("account", grant["account"]) or {}
        api = self._base_url + ("/eu" if account.get("region") == "eu" else "")
        now = int(time.time())
        claims = {
            "iss": f"{self._base_url}/global/oauth/anonymous",
            "aud": [api, grant["client"]],
            "sub": grant["user"],
            "account_id": grant["account"],
            "user_id": grant["user"],
            "subdomain": account.get("subdomain"),
            "region": account.get("region"),
            "delegation_id": grant["id"],
            "iat": now,
            "exp": now + 3600,
        }
        return jwt.encode(claims, self._private_key, algorithm="RS256", headers={"kid": self._key_id()})

    def jwks(self) -> Json:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._private_key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id(), "use": "sig", "alg": "RS256"}]}

    def _key_id(self) -> str:
        """Return an id derived from the key, so that a client's cached key is not confused with a new one."""
        modulus = self._private_key.public_key().public_numbers().n
        return hashlib.sha256(str(modulus).encode()).hexdigest()[:16]

    def _key(self) -> rsa.RSAPrivateKey:
        """Return the signing key, the same after a restart."""
        kept = self._store.get("key", _STORED_KEY)
        if kept is None:
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            self._store.put("key", _STORED_KEY, {"pem": pem.decode()})
            return made
        loaded = serialization.load_pem_private_key(kept["pem"].encode(), password=None)
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise TypeError("the kept key is not an RSA key")
        return loaded


def challenge_of(verifier: str) -> str:
    """Return the PKCE challenge of a verifier, S256 (RFC 7636)."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
