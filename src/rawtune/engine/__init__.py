"""Where many conversations with a teacher are worked at once."""
