"""Why things came out as they did: from stored rows, for pages and the API alike."""
