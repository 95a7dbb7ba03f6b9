"""/users/{id}/oauth_delegations/{delegation_id}: an authorization that a user gave an app (api-schema)."""

from datetime import UTC, datetime, timedelta

from pagerduty_app.sandbox.gate import Answer, Call, operation
from pagerduty_app.sandbox.refusals import not_found

_LIFE = timedelta(days=365)


@operation(get="oauth_delegations.read")
def delegation(call: Call, some_id: str, delegation_id: str) -> Answer:
    grant = call.sandbox.store.get("grant", delegation_id)
    if grant is None or (grant["account"], grant["user"]) != (call.account, some_id):
        raise not_found()
    now = datetime.now(UTC)
    return 200, {
        "id": delegation_id,
        "status": "revoked" if grant["revoked"] else "issued",
        "client_id": grant["client"],
        "delegation_type": "integration",
        "scope": " ".join(grant["scopes"]),
        "created_at": now.isoformat(),
        "expires_at": (now + _LIFE).isoformat(),
        "self": f"{call.sandbox.base_url}/users/{some_id}/oauth_delegations/{delegation_id}",
    }
