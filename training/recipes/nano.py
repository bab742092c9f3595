"""The small model of our own on a few rows: minutes on a processor, for trying everything."""

from training.recipe import ALL_LINEAR, Lora, Training

RECIPE = Training(
    title={"en": "Nano", "zh": "Nano 小模型"},
    lora=Lora(r=16, alpha=32, dropout=0.05, targets=ALL_LINEAR),
    rate=2e-3,
    schedule="cosine",
    warm_up=0.05,
    batch=8,
    accumulation=1,
    epochs=8,
    context=1024,
    keep="last",
)
