"""Writing a workflow: lifecycle, drafts, versions, validation, samples, dry run, import and export."""
