"""Words of the page of raters' agreement: kinds of questions, measures, and why a figure is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from reports.labels import Words, words
from reports.leaderboard_measures import REASONS

KINDS: Final[Mapping[str, Words]] = {
    "rating": Words("grades", "評分"),
    "label": Words("one label", "單選"),
    "multi_label": Words("several labels", "複選"),
    "span": Words("marked passages", "標記段落"),
    "text": Words("free text", "文字"),
}
MEASURES: Final[Mapping[str, Words]] = {
    "alpha_ordinal": Words("Krippendorff's α, ordinal", "Krippendorff α（順序）"),
    "alpha_interval": Words("Krippendorff's α, interval", "Krippendorff α（等距）"),
    "alpha_ratio": Words("Krippendorff's α, ratio", "Krippendorff α（等比）"),
    "alpha_nominal": Words("Krippendorff's α, nominal", "Krippendorff α（名義）"),
    "icc_1_1": Words("ICC(1,1): one rating, any raters", "ICC(1,1)：單一評分，評分者任意"),
    "icc_c_1": Words("ICC(C,1): one rating, severity forgiven", "ICC(C,1)：單一評分，不計寬嚴"),
    "icc_a_1": Words("ICC(A,1): one rating, severity counts", "ICC(A,1)：單一評分，計入寬嚴"),
    "icc_1_k": Words("ICC(1,k): mean of all, any raters", "ICC(1,k)：平均評分，評分者任意"),
    "icc_c_k": Words("ICC(C,k): mean of all, severity forgiven", "ICC(C,k)：平均評分，不計寬嚴"),
    "icc_a_k": Words("ICC(A,k): mean of all, severity counts", "ICC(A,k)：平均評分，計入寬嚴"),
    "kappa_quadratic": Words("Cohen's κ, quadratic, mean of pairs", "Cohen κ（二次加權，各對平均）"),
    "gwet_ac2": Words("Gwet's AC2, quadratic", "Gwet AC2（二次加權）"),
    "gwet_ac1": Words("Gwet's AC1", "Gwet AC1"),
    "fleiss_kappa": Words("Fleiss' κ", "Fleiss κ"),
    "exact_agreement": Words("All gave the same", "完全一致"),
    "overlap": Words("Overlap of marks (Dice)", "標記重疊（Dice）"),
    "mean": Words("Mean", "平均"),
    "adjusted": Words("Mean, severity taken out", "校正寬嚴後的平均"),
    "severity": Words("Severity", "寬嚴"),
    "drift_severity": Words("More generous by the end", "到最後變寬鬆多少"),
    "drift_agreement": Words("Agreement gained by the end", "到最後一致程度增加多少"),
    "gold_exact": Words("Gave the planted answer", "答對標準題"),
    "gold_distance": Words("Mean distance", "平均差距"),
    "repeat_exact": Words("Said the same again", "重評一致"),
    "repeat_distance": Words("Mean distance", "平均差距"),
    "repeat_kappa": Words("κ with oneself", "與自己的 κ"),
}
READING: Final[Mapping[str, Words]] = {
    "better": Words("reliable", "可信"),
    "tentative": Words("tentative", "暫定"),
    "undecided": Words("open", "未定"),
    "caution": Words("take care", "注意"),
    "none": Words("undefined", "無法計算"),
}
# What a figure gives as its reason, `{}` for what differs, to the same in Chinese.
_WHY: Final[Mapping[str, str]] = {
    "all ratings are equal: without variation agreement is undefined": ("所有評分都相同，沒有變異就無法計算一致性"),
    "all ratings are equal: without variation reliability is undefined": ("所有評分都相同，沒有變異就無法計算信度"),
    "no item was rated twice": "沒有任何一題由兩人以上評過",
    "fewer than two complete items": "所有人都評過的題目不到兩題",
    "fewer than two raters": "評分者不到兩人",
    "the items do not differ: this form is undefined": "各題沒有差異，無法計算這種形式",
    "no two raters share items on which their ratings vary": "沒有兩人共同評過且評分有變化的題目",
    "intervals stand with each pair": "區間見各對評分者",
    "undefined on these items: some raters share no item with the others, even indirectly": (
        "有評分者與其他人沒有任何共同題目，無從比較"
    ),
    "nobody recorded when or in which order": "沒有時間或順序紀錄",
    "all answers are of one time": "所有回答的時間相同",
    "fewer than {} items that others rated too": "與他人共同評過的題目不到 {} 題",
    "nobody marked anything": "沒有人標記任何段落",
    "no spread among {} dialogues or items: resampling cannot say how sure it is": (
        "{} 段對話之間沒有差異，無法估計區間"
    ),
    "no spread among {} dialogues or items, and no bounds given: nothing says how sure it is": (
        "{} 段對話之間沒有差異，無法估計區間"
    ),
    "undefined in {} of the resamples: too little varies to say how sure it is": (
        "{} 的重抽樣本無法計算，變異太少，無法估計區間"
    ),
    "if value and spread stay as they are": "假設平均與變異不變",
    "the value lies on the threshold: more cases may not decide": "數值正好在門檻上，再多題數也未必能判定",
    "no rating": "沒有評分",
    "drift is undefined on these items": "這些題目無法計算變化",
    "no ratings": "沒有評分",
}


def reason_words(reason: object) -> Words:
    """Why a figure is missing, in both languages; as it stands where it is not known here.

    >>> reason_words("fewer than 5 items that others rated too").zh
    '與他人共同評過的題目不到 5 題'
    """
    given = words(reason)
    for en, zh in _WHY.items():
        pattern = "(.+)".join(map(re.escape, en.split("{}")))
        if given.en == given.zh and (found := re.fullmatch(pattern, given.en)):
            return Words(given.en, zh.format(*found.groups()))
    return REASONS.get(given.en, given)
