"""What people read of a run and of a policy edit: on the terminal, in HTML, JSON, CSV and JUnit."""
