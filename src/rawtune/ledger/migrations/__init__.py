"""The ledger's schema, from version to version. Append only: a released migration is never edited."""
