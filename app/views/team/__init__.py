"""The Team queue: who waits, what is overdue, what asks for a decision, and who has room."""
