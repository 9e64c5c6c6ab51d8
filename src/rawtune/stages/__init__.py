"""One file a stage: from the ledger, through the domain, to the ledger."""
