"""How one person replies, from pairs of a chat."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Persona", "zh": "人物語氣"},
    lora=Lora(r=8, alpha=16, dropout=0.05),
    context=512,
    batch=8,
    accumulation=2,
    epochs=3,
)
