"""Cases that were judged, one by one and in groups."""
