"""Sync: push, pull, receipts, merge and enrolment with the central store."""
