"""What counts as stating an answer, in Chinese (both scripts) and English: patterns over NFKC text in upper case."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

NEXT_QUESTION: Final = re.compile(
    r"\n\s*(?:(?:题目|題目|问题|問題|下一题|下一題)\s*\d*\s*:|(?:NEXT )?QUESTION\s*\d*\s*[:.]|Q\s*\d*\s*:"
    r"|(?:USER|HUMAN|ASSISTANT|用户|使用者)\s*:|<\|"
    r"|\d+\s*[.、]\s*[^\n]{4,400}\n\s*\(?A\s*[.、:)])"
)
"""Where a reply goes on to a question nobody asked."""

REFUSAL: Final = re.compile(
    r"无法|無法|不能|抱歉|对不起|對不起|不确定|不確定|不知道|难以|難以|可能.*也可能"
    r"|\b(?:CANNOT|CAN'T|CAN NOT|UNABLE|SORRY|HARD TO|NOT SURE|UNSURE|DON'T KNOW|UNCLEAR)\b"
)
ALL_OF_THEM: Final = re.compile(
    r"全[选選]|(?:以上|四[项項个個]|所有[选選][项項]|全部)(?:[全都皆均是]|选项|選項)*(?:正[确確]|[对對选選])"
    r"|\bALL OF THE(?:SE| ABOVE)\b"
)

_OPEN, _CLOSE = r"""["'「『《\[({<【]""", r"""["'」』》\])}>】]"""
_AND: Final = r"(?:以及|(?:[、,/&+]|;(?=\S))\s*(?:AND\b)?|[和与與及跟]|\bAND\b)"
_OR: Final = r"(?:或者?|[还還]是|\bOR\b)"
_WORD: Final = r"(?:[选選][项項]|OPTIONS?\b|CHOICES?\b)"

_ZH_CUE: Final = (
    r"(?:(?:答案|正解|[选選][项項](?=\s*[是为為有:])|[选選][择擇]?(?![项項择擇])|(?<!回)答(?!案)|正[确確]的(?=[是有为為])"
    r"|而是|[应應][为為]|[倾傾]向[于於]|(?<![不还還或能非])是|第)"
    r"(?:\s*(?:[应應][该該当當为為]?|就|只能|[显顯]然|明[显顯]|[会會](?=是)|(?:最|很)?可能(?=是)|[肯确確]定"
    r"|[选選][择擇]?(?![项項])|是|[为為]|有|:|=|】|\]|>|[-—])){0,8})"
)
_EN_CUE: Final = (
    r"(?:\b(?:ANSWERS?|ANS|SOLUTION|(?:CORRECT|RIGHT|BEST|APPROPRIATE|LIKELY|FINAL|SUITABLE) "
    r"(?:OPTIONS?|CHOICES?|RESPONSES?|LETTERS?|DIAGNOSIS)|CORRECT(?=\s*:)|IT(?:'S| IS)|MUST BE|MY (?:CHOICE|PICK)"
    r"|BUT(?: RATHER)?|WE GET|(?:CHOOSE|PICK|SELECT|GO WITH))\b"
    r"(?:\s*(?:TO TH(?:E|IS) QUESTION\b|(?:CLEARLY|DEFINITELY|OBVIOUSLY|PROBABLY|MOST LIKELY|THEREFORE|THUS)\b"
    r"""|CHOICES?\b|OPTIONS?\b|IS\b|ARE\b|WOULD BE\b|SHOULD BE\b|MUST BE\b|HAS TO BE\b|COULD BE\b|["':=>\-])){0,8})"""
)
_DENIED: Final = (
    r"(?P<denied>(?:[不别別非没沒](?:[应應][该該当當]?|会|會|能|可|要|该|該)?"
    r"|DO NOT |DON'T |WOULD NOT |WOULDN'T |NOT |NEVER ))?"
)
_ZH_RIGHT: Final = (
    r"(?:[都均皆才也就,是最为為]|\s){0,8}(?:正[确確]|[对對](?!应|應|于|於|照|比)|(?:(?<=最)|(?<=最[为為]))(?:合[适適]|恰[当當]|符合|佳)"
    r"|符合[题題]意|符合(?=\s*(?:[。.!,]|\Z)))"
)
_EN_RIGHT: Final = (
    r",?\s*(?:IS|ARE|MUST BE)\s+(?:BOTH )?(?:THE )?(?:MOST |ONLY )?"
    r"(?:CORRECT\b|RIGHT\b|ANSWERS?\b|APPROPRIATE\b|LIKELY\b|SUITABLE\b|BEST (?:ANSWER|CHOICE|OPTION|FIT|MATCH)\b)"
    r"|\s+(?:FITS?|MATCH(?:ES)?|APPL(?:Y|IES)|DESCRIBES? (?:IT|THIS))\s+(?:BEST|MOST)\b"
)
# `A` before a word is the article, unless the word goes on about the option.
_ON: Final = "IS|ARE|AND|OR|BECAUSE|SINCE|AS|NOT|RATHER|BUT|WITH|FOR|DUE|WHICH|WHILE|INSTEAD|OVER|HERE|THE|THIS|IT|I"


@dataclass(frozen=True, slots=True)
class Cues:
    """The patterns for one set of option keys.

    Args:
        keys: The letters or numbers.
        statement: A cue and what it names; group `denied` when it says what the answer is not.
        verdict: Letters that are called right.
        leading: Letters with which a reply begins, a stop behind them.
        drawn: Letters that end a reply behind a "hence".
        alone: Letters that make up a whole sentence or line.
    """

    keys: frozenset[str]
    statement: re.Pattern[str]
    verdict: re.Pattern[str]
    leading: re.Pattern[str]
    drawn: re.Pattern[str]
    alone: re.Pattern[str]

    def stated(self, said: str, match: re.Match[str]) -> frozenset[str]:
        """The letters of a statement; what stands behind its last comma is not of it where that is then denied."""
        listed = match["letters"]
        if _WRONG.match(said, match.end("letters")) and _COMMA.search(listed):
            listed = _COMMA.split(listed)[0]
        return self.letters(listed)

    def letters(self, listed: str) -> frozenset[str]:
        """The letters of a list; empty when it leaves two of them open ("A or B")."""
        if _EITHER.search(listed):
            return frozenset()
        return frozenset(_WORDS.sub(" ", listed)) & self.keys

    def is_supposed(self, said: str, match: re.Match[str]) -> bool:
        """Whether the statement is one that is not believed, or of what would be so in another case."""
        before = said[max(0, match.start() - 80) : match.start()]
        if _DISBELIEVED.search(before):
            return True
        return _WOULD.search(match.group()) is not None and _IF.search(before) is not None

    def is_article(self, said: str, match: re.Match[str]) -> bool:
        """Whether the `A` that was found begins a noun."""
        return match["letters"].strip() in {"A", "I"} and _NOUN.match(said, match.end("letters")) is not None


_WRONG: Final = re.compile(
    r"\s*(?:[选選][项項])?[都均皆]?(?:[错錯]|不[对對正符选選成]|[则則]?[不非])"
    r"|\s*(?:IS|ARE)(?: BOTH)? (?:NOT|WRONG|INCORRECT|FALSE)\b"
)
_COMMA: Final = re.compile(r"[,;](?=[^,;]*$)")
_WOULD: Final = re.compile(r"\bWOULD\b|[会會就]是")
_IF: Final = re.compile(r"(?:如果|假如|假[设設]|要是|倘若|\bIF\b)[^。.!?\n;]*$")
_DISBELIEVED: Final = re.compile(
    r"(?:不[认認][为為]|不能?[确確]定|[并並]不是[说說]|(?:DON'T|DO NOT) (?:THINK|BELIEVE)|NOT SURE)[^。.!?\n;,]{0,60}$"
)
_EITHER: Final = re.compile(_OR)
_WORDS: Final = re.compile(rf"\bAND\b|{_WORD}")
_NOUN: Final = re.compile(rf" +(?!(?:{_ON})\b)[A-Z]{{2,}}")


@functools.lru_cache(maxsize=64)
def cues_for(keys: tuple[str, ...]) -> Cues:
    """The patterns for these option keys; made once for each number of options."""
    key = f"[{''.join(keys)}]"
    edge = r"(?![A-Z0-9])"
    run = rf"(?<![A-Z0-9]){key}{{1,{len(keys)}}}{edge}"
    item = rf"(?:{_WORD}\s*)?{_OPEN}{{0,4}}{run}{_CLOSE}{{0,4}}(?:[选選]?[项項])?"
    joined = rf"(?>{item}(?:\s*(?:{_AND}|{_OR})?\s*{item}){{0,25}})"
    return Cues(
        keys=frozenset(keys),
        statement=re.compile(
            rf"{_DENIED}(?:{_ZH_CUE}|{_EN_CUE}|<ANSWER>|\\BOXED)\s*[\s\"':{{(\[<【「『]*(?P<letters>{joined})"
        ),
        verdict=re.compile(rf"(?P<letters>{joined})(?:{_ZH_RIGHT}|{_EN_RIGHT})"),
        leading=re.compile(rf"[\W_]*(?P<letters>{joined})\s*(?:[,:).(\-–—\n]|BECAUSE\b|SINCE\b|因[为為]|$)"),
        drawn=re.compile(rf"\b(?:HENCE|THUS|THEREFORE|SO|ABOVE),?\s+(?P<letters>{joined})[\s.!]*\Z"),
        alone=re.compile(rf"[\W_]*(?P<letters>{joined})[\W_]*"),
    )
