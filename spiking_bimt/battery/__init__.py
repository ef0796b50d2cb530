"""Task batteries from neurogym, trials drawn from them, and the one definition of accuracy."""
