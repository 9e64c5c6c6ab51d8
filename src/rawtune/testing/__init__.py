"""The public test kit: rows with planted faults and their labels, to hold a check to (``rawtune.testing.faults``)."""
