"""Frozen records of arrays that the stages hand to each other, and how they are stored."""
