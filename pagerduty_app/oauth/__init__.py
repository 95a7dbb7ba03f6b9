"""OAuth with PagerDuty: the flow, tokens, scopes, regions, who granted it, clients' own OAuth apps."""
