"""Pages of workflows: list, details, versions, import and export."""
