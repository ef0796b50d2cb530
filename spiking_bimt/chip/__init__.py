"""Chips: limits, placement, traffic, energy, tiles, memory devices."""
