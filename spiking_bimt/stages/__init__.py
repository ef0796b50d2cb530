"""One function a command: read the run's files, compute, write the run's files."""
