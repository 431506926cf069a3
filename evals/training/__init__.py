"""Fictional policies with questions on them, and what is trained on these."""
