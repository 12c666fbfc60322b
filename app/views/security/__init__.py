"""How this laptop is protected, in words, and changing it: passphrase, recovery key, encryption keys."""
