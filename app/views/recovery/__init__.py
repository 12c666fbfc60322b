"""Second ways in: the recovery key on screen and on paper, a new passphrase, and the steps back into a vault."""
