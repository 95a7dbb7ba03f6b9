"""Outgoing hooks: what happens here, told to software elsewhere, signed, in order, until it has been taken."""
