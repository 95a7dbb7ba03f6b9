"""Date formats by language, for pages that Django words itself: above all the admin."""
