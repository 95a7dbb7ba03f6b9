"""Texts for people: labels, summaries, hints for errors, dates, reasons."""
