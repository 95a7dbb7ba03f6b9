"""Pages of connections: connect, own OAuth apps, client links, revoke."""
