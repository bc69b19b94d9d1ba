"""The past in Delta tables: what was published, what the venues tell of it, and what is known to be missing.

`published/{family}` has every message as it was written, `venue/{kind}` what a venue's own history says, `ledger` which
spans were recorded, asked for and lost. Any engine that reads Delta can query them.
"""
