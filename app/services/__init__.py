"""What can be done: use cases, rules, security, sync, documents, letters and exchange. No Qt."""
