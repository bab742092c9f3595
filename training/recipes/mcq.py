"""Multiple-choice questions, answered with their letters."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Multiple choice", "zh": "選擇題"},
    lora=Lora(r=8, alpha=16, dropout=0.05, targets=("q_proj", "v_proj")),
    rate=2e-4,
    schedule="cosine",
    warm_up=0.03,
    epochs=3,
    quantisation="nf4-double",
)
