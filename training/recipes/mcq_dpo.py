"""Multiple choice: the right answer first learnt, then preferred to a wrong one."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Multiple choice by preference", "zh": "選擇題偏好訓練"},
    lora=Lora(r=8, alpha=16, dropout=0.05, targets=("q_proj", "v_proj")),
    method="sft+dpo",
    rows="preference",
    rate=5e-6,
    batch=2,
    accumulation=8,
    epochs=1,
    quantisation="nf4-double",
)
