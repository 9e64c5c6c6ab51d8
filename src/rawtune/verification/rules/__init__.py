"""The rules, one file a family; each rule's docstring is its page of the documentation."""
