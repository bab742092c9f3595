"""The supervising model: small batches and recomputed activations, for a card of 48 GB."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Supervisor", "zh": "督導模型"},
    lora=Lora(r=16, alpha=32, dropout=0.05),
    context=2048,
    batch=2,
    accumulation=8,
    checkpointing=True,
)
