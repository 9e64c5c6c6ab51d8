"""Private raw text to a fine-tuned chat model, with proof that it helped."""
