"""What PagerDuty delivers, as JSON Schemas of ours."""
