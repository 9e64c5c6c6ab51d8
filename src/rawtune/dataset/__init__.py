"""Rows to files that others read."""
