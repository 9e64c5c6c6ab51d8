"""Numbered migrations, one file each."""
