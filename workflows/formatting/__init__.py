"""What people read: labels, summaries, hints for errors, dates, reasons."""
