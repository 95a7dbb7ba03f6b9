"""Conditions: kinds of values, operators, and detection of rows that can never hold."""
