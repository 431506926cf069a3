"""Legal's desk: what went wrong, what is decided about it, and what follows for the cases."""
