"""One case answered by a package: asked for, read, answered, and written with all that belongs beside it."""
