"""Figures as functions over records."""
