"""What is answered beside pages and API: health, metrics, error pages."""
