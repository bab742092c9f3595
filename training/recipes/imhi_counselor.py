"""IMHI and CounselChat for a counsellor's assistant: attention and router, four bits, 660 steps."""

from training.recipe import Lora, Training

RECIPE = Training(
    title={"en": "Counsellor's assistant on IMHI", "zh": "IMHI 諮商助理"},
    lora=Lora(r=16, alpha=8, dropout=0.05, targets=("q_proj", "k_proj", "v_proj", "o_proj", "router")),
    rate=2e-4,
    schedule="constant",
    clip=0.3,
    epochs=None,
    steps=660,
    optimiser="paged_adamw_32bit",
    quantisation="nf4",
)
