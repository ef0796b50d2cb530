"""Studies: many trainings as jobs, their tables and figures."""
