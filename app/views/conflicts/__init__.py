"""The conflict page: before, yours and theirs beside each other, and a person who chooses."""
