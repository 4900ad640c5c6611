"""Tuning: what is searched, how trials grow and are ended, and what tuning was worth. It trains nothing itself."""
