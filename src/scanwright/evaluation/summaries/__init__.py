"""What is written of judged cases: metrics.json, its headline, and rows that are kept."""
