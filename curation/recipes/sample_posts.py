"""The bundled posts, divided as they come: texts untouched."""

from curation.recipes import imhi

TITLE = {"en": "Xinheng sample posts", "zh": "心衡範例貼文"}
TABLE = "case"
SOURCES = ("sample-posts",)
STEPS = imhi.STEPS
STRATUM = "benchmark"
GROUPS = ("group_id",)
PUBLISHED = {"train": "train", "validation": "validation", "test": "test"}
