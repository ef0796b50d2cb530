"""From rate networks to spiking ones: one to one, trained, quantised."""
