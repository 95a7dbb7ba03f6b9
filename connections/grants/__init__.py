"""OAuth grants: what providers need, tokens, refresh, state, rate limit, own OAuth apps, key rotation."""
