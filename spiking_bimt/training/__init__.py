"""Training of rate networks: penalties, phases, swaps, prices of packets."""
