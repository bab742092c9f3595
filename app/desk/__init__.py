"""The counsellor's desk: notes, drafts and what was learned of each client, encrypted before they reach a disk."""
