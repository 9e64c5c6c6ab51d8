"""From rows to a tuned adapter."""
