"""The base of every REST endpoint, and this app's endpoints."""
