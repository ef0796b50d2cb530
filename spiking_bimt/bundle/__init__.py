"""Networks that `train` made; docs/reference/bundled-networks.md has the commands."""
