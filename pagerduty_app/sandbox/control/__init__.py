"""The sandbox's control API and its fault switch."""
