"""From a finished run to what others use: the package, and the folder form of it."""
