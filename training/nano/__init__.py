"""Nano: a small bilingual model made from scratch, for trying the software, not for advice."""
