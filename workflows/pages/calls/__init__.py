"""Pages of the request log, and running an action by hand."""
