"""Adapters fine-tuned on curated rows, and a small model of our own on which everything can be tried offline."""
