"""From consent to a connection and its end: client links, results, health checks, rename, revoke."""
