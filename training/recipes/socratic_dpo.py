"""Socratic answers preferred to others."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Socratic answers by preference", "zh": "蘇格拉底式回應偏好訓練"},
    lora=Lora(r=16, alpha=32, dropout=0.05),
    method="dpo",
    rows="preference",
    rate=5e-6,
    batch=2,
    accumulation=8,
    epochs=1,
    beta=0.1,
)
