"""What comes from outside: GIAS, school links, LA codes, Common Transfer Files and lists of deletion returns."""
