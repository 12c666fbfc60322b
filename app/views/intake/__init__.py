"""Intake: the seven steps of a new referral, and importing lists and files."""
