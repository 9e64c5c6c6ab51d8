"""One row to many questions."""
