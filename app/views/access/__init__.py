"""Who may open what: what waits for a decision, and what each role may do."""
