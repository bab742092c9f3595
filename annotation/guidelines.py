"""The guidelines that a rater reads, as Markdown: what is asked, what each grade means, and the rules of every task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from annotation.templates import Question

_RULES: Final = {
    "zh-Hant": """\
## 共同約定

- **自己評自己的。** 全部評完以前，請不要和其他評分者討論，也不要請 AI 代評。意見不同很正常，我們會另外討論。
- **真的無法判斷就略過**（例如看不懂、認得當事人，或內容讓您不適），不要勉強給分。
- **保密。** 內容可能來自真實的求助者，請勿截圖、轉傳，也不要放進其他服務。
- **照顧自己。** 有些內容很沉重，建議每三十到四十分鐘休息一下；覺得不舒服就停下來，隨時可以退出。
- **這不是求助管道。** 您看到的內容無法即時處理；若認為有人正處於危險，請立刻聯絡研究負責人。""",
    "en": """\
## Rules for everyone

- **Rate on your own.** Until all is done, do not discuss items with other raters or ask an AI. To disagree is normal; \
it will be discussed later.
- **Skip what you truly cannot judge** (you cannot follow it, know the person, or find it too hard to read) rather \
than forcing a grade.
- **Keep it confidential.** The texts may come from real people in need: no screenshots, no forwarding, no other \
services.
- **Look after yourself.** Some texts are heavy. Take a break every thirty to forty minutes; stop when it is too \
much. You may withdraw at any time.
- **This is no help line.** Nobody acts on these texts in real time. If you think that somebody is in danger, tell the \
person in charge of the study at once.""",
}
_WORDS: Final = {
    "zh-Hant": {"questions": "題目與標準", "optional": "（可不填）"},
    "en": {"questions": "Questions and standards", "optional": " (optional)"},
}


def whole(own: str, questions: Sequence[Question], language: str) -> str:
    """Guidelines in one language: the template's own, its questions with their anchors, the common rules.

    Args:
        own: What the template says.
        questions: Its questions.
        language: `zh-Hant` or `en`.
    """
    parts = [own.strip(), f"## {_WORDS[language]['questions']}"]
    parts += [_question(number, question, language) for number, question in enumerate(questions, start=1)]
    return "\n\n".join([*parts, _RULES[language]])


def _question(number: int, question: Question, language: str) -> str:
    optional = "" if question.required or _says_optional(question, language) else _WORDS[language]["optional"]
    lines = [f"**{number}. {question.title[language]}{optional}**"]
    if hint := question.hint.get(language):
        lines.append(hint)
    colon = "：" if language.startswith("zh") else ": "
    told = [value for value in question.values if value.anchor]
    listed = []
    for value in told:
        title = value.title.get(language, "")
        name = value.value if question.kind == "rating" else title
        mark = f"**{name}**" + (f" {title}" if question.kind == "rating" and title else "")
        listed.append(f"- {mark}{colon}{value.anchor[language]}")
    return "\n\n".join([*lines, *(["\n".join(listed)] if listed else [])])


def _says_optional(question: Question, language: str) -> bool:
    return any(word in question.title[language] for word in ("不必填", "可不填", "optional", "empty"))
