"""Recipes of training, one file each."""
