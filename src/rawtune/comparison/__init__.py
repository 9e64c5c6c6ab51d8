"""Base and tuned model, asked the same questions."""
