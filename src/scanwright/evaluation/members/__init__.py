"""Members of an ensemble: their votes, and which of them are kept."""
