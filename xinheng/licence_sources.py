"""The terms of each source, in one place: licence, whose it is, platforms its texts were taken from, and consent.

A licence binds what its giver owns. Where a repository puts a licence on what strangers posted elsewhere, or names two,
that is written here, and `xinheng.licences` asks before such rows go out. The addresses are those of the publishers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# The terms of a private chat are its writers', not a licence.
PRIVATE: Final = "private"
# The terms of the user's own files are each row's.
YOURS: Final = "yours"

WRITTEN: Final = "written for this"
MADE: Final = "made by a model"
REWRITTEN: Final = "rewritten from what people wrote"
NOT_ASKED: Final = "posted in public; nobody was asked"
CONFIDENTIAL: Final = "said in confidence"
CONSENTED: Final = "said in confidence; consent to a corpus is recorded at the desk"
OWNERS: Final = "its owner knows"

_REDDIT: Final = "Reddit (Data API Terms, https://www.redditinc.com/policies/data-api-terms)"
_TWITTER: Final = (
    "X, formerly Twitter (Developer Policy, content redistribution: ids only, "
    "https://developer.x.com/en/developer-terms/policy)"
)


@dataclass(frozen=True)
class SourceTerms:
    """What binds the rows of one source.

    Args:
        licence: SPDX name, or `private`, or `yours`.
        holder: Who must be named; empty where nobody must.
        home: The publisher's address; empty where it is published nowhere.
        consent: What those whose words these are agreed to: one of the texts above.
        also: Licences that the publisher names elsewhere for the same rows: the strictest binds.
        platforms: Where texts were taken from, whose terms hold beside the licence.
        note: A sentence for the card on what else is known of its origin.
    """

    licence: str
    holder: str = ""
    home: str = ""
    consent: str = WRITTEN
    also: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    note: str = ""

    @property
    def published(self) -> bool:
        """Whether anybody can have the rows from their publisher, so that ids and a script rebuild them."""
        return bool(self.home)


_GITHUB: Final = "https://github.com/"
_OURS: Final = SourceTerms("CC0-1.0", home="https://creativecommons.org/publicdomain/zero/1.0/", consent=WRITTEN)
_OWN: Final = SourceTerms(YOURS, consent=OWNERS)
_CHAT: Final = SourceTerms(PRIVATE, consent=CONFIDENTIAL)
_PROVIDER: Final = "The terms of the model's provider may forbid training competing models on its answers."

SOURCE_TERMS: Final[Mapping[str, SourceTerms]] = {
    **dict.fromkeys(("sample", "sample-choices", "sample-statements", "sample-posts"), _OURS),
    "imhi": SourceTerms(
        "MIT", "NaCTeM (MentalLLaMA)", f"{_GITHUB}SteveKGYang/MentalLLaMA", NOT_ASKED,
        platforms=(_REDDIT, _TWITTER), note=f"Explanations were written by ChatGPT. {_PROVIDER}",
    ),
    "counsel-chat": SourceTerms(
        "MIT", "nbertagnolli (CounselChat)", f"{_GITHUB}nbertagnolli/counsel-chat", NOT_ASKED,
        note="Questions of anonymous clients and answers of named therapists, taken from counselchat.com.",
    ),
    "smile": SourceTerms(
        "CC0-1.0", "", f"{_GITHUB}qiuhuachuan/smile", REWRITTEN,
        note=f"Rewritten by ChatGPT from questions of the PsyQA set, which has terms of its own. {_PROVIDER}",
    ),
    "cpsycoun-d": SourceTerms(
        "CC-BY-4.0", "CAS-SIAT-XinHai (CPsyCoun)", f"{_GITHUB}CAS-SIAT-XinHai/CPsyCoun", REWRITTEN,
        note=f"Reconstructed by a model from counselling reports. {_PROVIDER}",
    ),
    "cpsycoun-e": SourceTerms(
        "CC-BY-4.0", "CAS-SIAT-XinHai (CPsyCoun)", f"{_GITHUB}CAS-SIAT-XinHai/CPsyCoun", REWRITTEN,
    ),
    **dict.fromkeys(
        ("emollm", "emollm-self"),
        SourceTerms("MIT", "SmartFlowAI (EmoLLM)", f"{_GITHUB}SmartFlowAI/EmoLLM", MADE, note=_PROVIDER),
    ),
    "cped": SourceTerms(
        "Apache-2.0", "scutcyr (CPED)", f"{_GITHUB}scutcyr/CPED",
        note="Dialogue of television series, whose writers gave no licence of their own.",
    ),
    "psyguard": SourceTerms("MIT", "qiuhuachuan (PsyGUARD)", f"{_GITHUB}qiuhuachuan/PsyGUARD", NOT_ASKED),
    "cpsyexam": SourceTerms(
        "CC0-1.0", "CAS-SIAT-XinHai (CPsyExam)", f"{_GITHUB}CAS-SIAT-XinHai/CPsyExam", also=("CC-BY-NC-SA-4.0",),
        note="CC0 by its repository; its loader script names CC BY-NC-SA 4.0.",
    ),
    "emobench": SourceTerms("MIT", "Sahand Sabour (EmoBench)", f"{_GITHUB}Sahandfer/EmoBench"),
    "mmlu": SourceTerms("MIT", "Dan Hendrycks (MMLU)", f"{_GITHUB}hendrycks/test"),
    "tmmlu": SourceTerms("Apache-2.0", "MediaTek Research (TMMLU)", f"{_GITHUB}mtkresearch/MR-Models"),
    **dict.fromkeys(("tagged", "choices", "statements"), _OWN),
    "notes": SourceTerms(PRIVATE, consent=CONSENTED),
    **dict.fromkeys(("line", "whatsapp", "telegram", "signal", "instagram", "qq", "wechat"), _CHAT),
}  # fmt: skip
"""By the names of `xinheng sources`."""
