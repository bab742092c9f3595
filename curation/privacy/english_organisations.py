"""Schools and employers in English: a name before a word such as College or Ltd, or after a word for work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy import english_lexicon as en
from curation.privacy.english_words import first_names, is_seldom, is_unknown, no_names
from curation.privacy.organisation_words import ENGLISH_FIRMS, ENGLISH_SCHOOLS
from curation.privacy.spans import Rule, Span, branches

_CAP: Final = r"[A-Z][A-Za-z'\u2019.-]*"
_NAME: Final = rf"(?:{_CAP} (?:(?:&|and|of|the|for) (?=[A-Z]))*){{1,5}}?"
_SCHOOL: Final = (
    r"(?:University|College|High School|Middle School|Elementary School|Elementary|Primary School|Primary|Grammar School|Secondary School|Secondary|International School|Boarding School|"
    r"Academy|Nursery|Preschool|Pre-School|Montessori|Kindergarten|Daycare|Prep|Sixth Form|Seminary|Conservatory|Institute of Technology|Polytechnic|School|High)"
)
# A college of a federal university bears the name of its town behind its own: King's College London.
_CAMPUS: Final = "(?:London|Dublin|Cork|Galway|Oxford|Cambridge|Durham|Belfast|Swansea|Birmingham)"
# These say by themselves that a firm is named; the others only after a word that is hardly one.
_FIRM: Final = r"(?:Inc|Ltd|LLC|LLP|PLC|plc|Corp|Corporation|Company|Co|Hospital|Clinic|Bank|Group|Associates|Partners|Technologies|Industries|Medical Cent(?:er|re)|Consulting|Logistics|Law Firm|Solicitors|Accountants|Care Home|Brewing Co|Airlines|Airways)"
_TRADE: Final = (
    r"(?:Foods|Insurance|Freight|Systems|Steel|Services|Couriers|Biotech|Software|Motors|Brewing|Hotel|Restaurant|Foundation|Trust|Solutions|Studios|Media|Energy|Construction|Builders|Capital|"
    r"Financial|Pharma|Pharmacy|Pharmaceuticals|Labs|Laboratories|Robotics|Electronics|Holdings|Realty|Properties|Bakery|Cafe|Salon|Security|Staffing|Transport|Trucking|Telecom|Digital|Analytics|"
    r"Networks|Textiles|Plastics|Farms|Dairy|Supermarket|Stores|Manor|Hospice|Therapies|Engineering|Manufacturing|Bank)"
)
_WORK: Final = (
    r"(?ai:(?<![a-z])(?:work(?:s|ed|ing)?|jobs?|shifts?|intern(?:s|ed|ing|ship)?|nurse|cashier|cook|chef|driver|drives?|manager|manages?|supervisor|barista|waitress|waiter|employed|position|role|career|boss|"
    r"coworkers?|colleagues?|hired|fired|laid off|let go|layoffs?|laid-off|clean(?:s|ed)?(?: rooms| offices)?|interpret|interview(?:ed)?|contract(?:ed)?|engineer|analyst|clerk|guard|receptionist|accountant|promoted|"
    r"redundant|volunteer(?:s|ed)?|temp(?:s|ed)?|rooms)(?:,? [a-z]+){0,3}? (?:at|for|by|from) (?-i:(?:the )?)|(?<![a-z])(?:employer|workplace|company|occupation)(?: is|:) ?|(?<![a-z])(?:joined|quit|left|leaving|quitting) )"
)
# Where somebody studies.
_STUDY: Final = (
    r"(?ai:(?<![a-z])(?:(?:stud(?:y|ies|ied|ying)|enrolled|teach(?:es|ing)?|taught|student|freshman|sophomore|junior|senior|major(?:ing|ed)?|grader?|year (?:[0-9]{1,2}|one|seven|eight|nine|ten|eleven|twelve)|class|degree|phd|masters?|"
    r"undergrad|grad school|expelled|transferr?(?:ed|ing)?|dropped out|drop out|kicked out|graduat(?:ed|ing|e)|accepted|went|goes|go|going|got in|boarder|pupil|head ?teacher|prefect)(?: [a-z]+){0,3}? (?:at|from|of|to|into|in)|attend(?:s|ed|ing)?|school is|school:|starts at|started at) (?-i:(?:the )?))"
)
# A job before the name of a firm: a picker at, my job with, drives for.
_EMPLOYED: Final = (
    r"(?ai:(?<![a-z])(?:(?:(?:a|an|the|as|line|night|shift|senior|junior|assistant|delivery|head|temp|agency)(?: [a-z]+)? "
    r"(?!dinner|better|later|sister|brother|mother|father|number|corner|counter|order|letter|summer|winter|member|quarter|offer|disorder|lover|stranger|customer)"
    r"[a-z]*(?:er|or|ist|ian|ant|ee|clerk|nurse|cook|chef|hand|agent|rep|guard|steward|ess|tech)"
    r"|jobs?|work(?:s|ed|ing)?|driv(?:e|es|ing)|drove|deliver(?:s|ed|ing)?|cook(?:s|ed|ing)?|shelves|overtime|doubles|nights|days|weekends|fired|sacked|laid off|let go|redundant|suspended|retired|resigned|quit|payroll)"
    r" (?:at|for|with|from|by)|work is|employer(?::| is| was)?|joined|(?:intern(?:ed|ing|ship)?|placement|apprenticeship|boss|manager) (?:at|with)) (?-i:(?:the )?))"
)
_SCHOOL_NAMES: Final = branches(tuple(sorted(ENGLISH_SCHOOLS.split("|"), key=len, reverse=True)))
_FIRM_NAMES: Final = branches(tuple(sorted(ENGLISH_FIRMS.split("|"), key=len, reverse=True)))
_STUDIES = re.compile(rf"{_STUDY}\Z")
_WORKS = re.compile(rf"(?:{_EMPLOYED}|{_WORK})\Z")
_EMPLOYED_AT = re.compile(rf"{_EMPLOYED}\Z")
_REACH: Final = 56
# Kind, the name, and what must stand before it: only where there is a name is anything before it read.
_NAMED: Final = (
    (
        "known school",
        re.compile(
            rf"(?<![A-Za-z])({_SCHOOL_NAMES}|UC [A-Z][a-z]+(?: [A-Z][a-z]+)?|(?:SUNY|CUNY|Cal State|CSU) [A-Z][a-z]+)(?![A-Za-z])(?! (?:Street|St|Road|Ave|Clinic|Hospital|Circus|Fashion|Group))"
        ),
        re.compile(
            r"(?<![A-Za-z])(?:at|of|from|into|to|in|attend|attends|attended|attending|left|my|our|joined|chose|a|an|quit|the) \Z"
        ),
    ),
    (
        "state school",
        re.compile(
            r"(?<![A-Za-z])((?:[A-Z][a-z]+ ){1,2}(?:State|Tech|Uni|Union|City|Community|Prep|Central|North|South|East|West|Catholic|Christian|Memorial))(?![A-Za-z])"
        ),
        _STUDIES,
    ),
    (
        "saint",
        re.compile(
            r"(?<![A-Za-z])((?:St|Saint|Our Lady|Holy|Sacred)\.? [A-Z][A-Za-z'\u2019]*(?: [A-Z][A-Za-z'\u2019]+){0,3})(?![A-Za-z])"
        ),
        _STUDIES,
    ),
    ("known", re.compile(rf"({_FIRM_NAMES})(?![A-Za-z])"), _WORKS),
    (
        "work",
        re.compile(
            rf" (?:at|for|with|from|by|is|joined) (?:the )?({_CAP}(?: (?:(?:&|and|of) )?(?!I(?![A-Za-z])){_CAP}){{0,3}})(?![A-Za-z])"
        ),
        _EMPLOYED_AT,
    ),
)
_HIRES = re.compile(
    r" (?:laid me|fired me|hired me|let me go|cut my|pays me|job|shift|manager|supervisor|warehouse|employee|coworker)"
)


def _named(text: str) -> Iterator[tuple[str, int, int]]:
    for kind, pattern, before in _NAMED:
        for match in pattern.finditer(text):
            start = match.start(1)
            said = before.search(text, max(0, start - _REACH), start) is not None
            if kind == "known":
                said = (said or _HIRES.match(text, match.end()) is not None) and text[start - 1 : start] in _PARTED
            if said:
                yield kind, start, match.end(1)


_PARTED: Final = ("", " ", "\n", ":", '"')


_ORGANISATIONS: Final = [
    (
        "school",
        re.compile(
            rf"(?<![A-Za-z&])({_NAME}{_SCHOOL}(?: (?:of (?:{_CAP} ?){{1,3}}(?<! )|{_CAMPUS}(?![A-Za-z])))?)(?![A-Za-z])"
        ),
    ),
    (
        "school",
        re.compile(
            r"(?<![A-Za-z])((?:University|Universiti|Universidad|Università|College|School|Institute) (?:of |for )?(?:[A-Z][A-Za-z]+)(?:,? (?:and )?(?:[A-Z][A-Za-z]+)){0,2})(?![A-Za-z])"
        ),
    ),
    ("firm", re.compile(rf"(?<![A-Za-z&])({_NAME}{_FIRM}(?:[ ,]+(?:Inc|Ltd|LLC))?\.?)(?![A-Za-z])")),
    ("trade", re.compile(rf"(?<![A-Za-z&])({_NAME}{_TRADE}(?: (?:Group|Ltd|Inc|LLC))?)(?![A-Za-z])")),
    (
        "work",
        re.compile(rf"{_WORK}((?:[Tt]he )?{_CAP}(?: (?:(?:&|and|of) )?(?!I(?![A-Za-z])){_CAP}){{0,3}})(?![A-Za-z])"),
    ),
]
_GENERIC = frozenset(
    "The A My Our This That In At And But When I He She We They It For Community Medical Law Graduate Business Junior Middle Senior Night General State Online University College High School Academy "
    "Hospital Clinic Bank Company Group Secondary Primary Elementary Public Private Catholic Sunday Summer Boarding Grammar Nursery Day Old After Before Since Art Nursing Dental Beauty Cooking Driving "
    "Internal Family Child Protective Social Support Human Health Mental Home Customer Emergency Crisis National Local Federal Nervous Immune Solar Operating Life Car International Big Food Blood Piggy "
    "World Central Sperm West East North South Med Grad Prep Military Charter Trade Vocational Technical Middle-School Every Her His Their Your Ivy League Pre Head Start Special Education English Language "
    "Church Bible Self Safety Net Peer Therapy Focus Study Girl Small Inner First Second Third One Most Some All To From With Of Psychiatric Children's Veterans VA Recovery Rehab Treatment Outpatient Inpatient Urgent "
    "Trust Security Services Systems Media Capital Energy Digital Insurance Foods Software Transport".split()
)
# Employers that are no words of people.
_BRANDS = frozenset(
    "Google Amazon Apple Netflix Microsoft Walmart Tesco Asda Target Costco Starbucks Ikea Samsung Sony Nintendo Disney Uber Lyft Facebook McDonald McDonald's McDonalds Marriott Hilton".split()
)


def find_english_organisations(text: str) -> Iterator[Span]:
    """English schools and employers of a folded text."""
    found = [(kind, *match.span(1)) for kind, pattern in _ORGANISATIONS for match in pattern.finditer(text)]
    for kind, first, last in (*found, *_named(text)):
        start, end = _trimmed(text, first, last)
        if kind == "school" and ", " in text[start:end] and not _NO_CAMPUS.isdisjoint(text[start:end].split()):
            end = text.index(", ", start)
        words = text[start:end].replace(".", "").split()
        if start < end and _fits(kind, words):
            yield Span(start, end, "school" if kind.endswith(("school", "saint")) else "employer")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without words at the front that belong to the sentence (At Kingsbridge …, Since Halcyon …)."""
    while (word := text[start:end].split(" ", maxsplit=1)[0]) in _OPENERS and word != text[start:end]:
        start += len(word) + 1
    return start, end


_OPENERS: Final = frozenset(
    "Attends Attend Enrolled Studies Studied Teaches Taught Works Worked Joined Left Finished Graduated At In On Since After Before When While The My Our Her His Their From For To And But Both Went Attended Is Was I".split()
)


# Behind a comma these are no campus of the university before it.
_NO_CAMPUS: Final = frozenset(f"ID Student {en.NOT_NAMES}".split())


@cache
def _fixed() -> frozenset[str]:
    return _GENERIC | no_names()


_KNOWN: Final = frozenset(["known", "known school", "state school", "saint"])


def _fits(kind: str, words: list[str]) -> bool:
    own = [word for word in words if word not in _GENERIC and word[0].isupper()]
    if not own:
        return False
    if kind in _KNOWN:
        return (
            kind != "state school"
            or words[0] not in _fixed()
            or len(words) > 2
            or words[-1] in ("State", "Tech", "Uni")
        )
    if kind in ("school", "firm", "trade"):
        rare = kind != "trade" or any(is_seldom(word) and word not in no_names() for word in own[:-1] or own)
        return len(words) > 1 and rare
    first = own[0]
    if first in _BRANDS:
        return True
    if first in no_names() or (first in first_names() and len(own) < 3):
        return False
    return is_unknown(first) or (len(own) > 1 and words[-1] not in no_names())


RULES: Final = (
    Rule(
        rf"[A-Za-z.'-] (?:{_SCHOOL}|{_FIRM}|{_TRADE})|(?:University|Universiti|Universidad|College|School|Institute) (?:of |for )?[A-Z]"
        rf"|{_SCHOOL_NAMES}|UC [A-Z]|SUNY|CUNY|Cal State|CSU|{_FIRM_NAMES}"
        r"|[a-z] (?:St|Saint|Our Lady|Holy|Sacred)\.? [A-Z]| (?:State|Tech|Uni|Union|City|Community|Prep|Central|North|South|East|West|Catholic|Christian|Memorial)[^a-z]"
        r"|(?:at|for|by|from|with|work is|At|For|By|From|AT) (?:[Tt]he )?[A-Z]|(?i:attends?|attended|attending|employer|workplace|company|occupation|joined|quit|left|leaving|quitting)(?i: is|:)? ?(?:[Tt]he )?[A-Z]",
        find_english_organisations,
    ),
)
