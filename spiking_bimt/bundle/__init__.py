"""Networks that the project's own `train` made; docs/bundle.md has the commands."""
