"""The delivery ledger: what was sent where, in a PostgreSQL schema of its own (docs/ledger.md)."""
