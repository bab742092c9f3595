"""One client's notes, and then what the counsellor preferred in them; for a desk's export, which holds both."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "One client's notes and changes", "zh": "個案筆記與修改"},
    lora=Lora(r=4, alpha=8, dropout=0.05, targets=("q_proj", "v_proj")),
    method="sft+dpo",
    rows="preference",
    rate=5e-5,
    batch=1,
    accumulation=4,
    epochs=3,
    patience=1,
)
