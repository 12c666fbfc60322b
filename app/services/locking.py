"""How a transaction says that it will write."""

WRITING = "rollcall_writing"
"""Execution option of connections that begin with the vault's write lock taken.

A transaction that reads first and writes later would otherwise fail when another wrote in between.
"""
