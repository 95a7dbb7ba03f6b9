"""The action that puts services into maintenance."""
