"""Any file of rows, checked by the rules of verification: what `rawtune check` does."""
