"""Rules that decide whether a row may be kept."""
