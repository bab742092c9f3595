"""One client's notes and edits: few rows, a small adapter, and an early end."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "One client's notes", "zh": "個案筆記"},
    lora=Lora(r=4, alpha=8, dropout=0.05, targets=("q_proj", "v_proj")),
    rate=1e-4,
    batch=1,
    accumulation=4,
    epochs=3,
    patience=1,
)
