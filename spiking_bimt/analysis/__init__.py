"""What a network does and how it lies on its sheet."""
