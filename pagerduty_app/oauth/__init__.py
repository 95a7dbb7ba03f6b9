"""OAuth with PagerDuty: scopes, token endpoint, who consented, regions."""
