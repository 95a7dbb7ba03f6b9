"""Agencies and their members: sign-up, API keys, sessions, two-factor authentication, retention."""
