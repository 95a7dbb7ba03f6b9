"""Deadlines: begun and ended by deliveries, checked at the provider when their time has passed."""
