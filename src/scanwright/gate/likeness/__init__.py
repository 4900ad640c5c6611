"""Images that are nearly the same in two cases: found by descriptors, proved by laying one over the other."""
