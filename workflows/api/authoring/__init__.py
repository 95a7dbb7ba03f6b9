"""The API of writing workflows: drafts, tests of drafts, versions."""
