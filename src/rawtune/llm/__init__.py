"""Teachers: one protocol, several ways to reach a model."""
