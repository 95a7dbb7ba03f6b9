"""The proof `effects`: one request, one effect."""
