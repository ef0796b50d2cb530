"""Training of the spiking network itself, for which conversion needs torch."""
