"""Passages to rows, through a teacher."""
