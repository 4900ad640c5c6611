"""Probabilities that mean what they say, and thresholds: fitted and chosen on answers out of fold."""
