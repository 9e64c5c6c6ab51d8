"""Losses read back to what caused them."""
