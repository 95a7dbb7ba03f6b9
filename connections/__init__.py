"""Accounts, people, workspaces, and connections with their grants and audit: who may act for whom."""
