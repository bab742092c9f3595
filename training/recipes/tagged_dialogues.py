"""Dialogues with a token for each tag, on bases of the ChatGLM4 and Qwen2.5 class."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Tagged dialogues", "zh": "標記對話"},
    lora=Lora(r=8, alpha=32, dropout=0.1),
    form="tagged",
    rate=3e-4,
    batch=4,
    accumulation=4,
    epochs=4,
    tag_tokens=True,
    patience=2,
)
