"""Addresses in English: house or unit, street, town, postcode, in the forms of the countries that write in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from curation.privacy.spans import Rule, Span, joined

_PLAIN_STREET: Final = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Place|Pl|Way|Terrace|Square|Crescent|Close|Parkway|Row|Wharf|Mews|Grove|Gardens|Hill|Quay|"
    "Walk|Rise|Circle|Cir|Trail|Highway|Hwy|Alley|Parade|Esplanade|View|Path|Gate|Green|Park|Yard|Croft|Vale|Drove|Paddocks|Circuit|Quays|Cottages|Buildings|Wynd|Brae|Villas|Mansions|Meadow|Meadows|Fold|Chase|Ridge|Strand|Embankment|Broadway|Orchard|Passage|Arcade|Spinney|Copse|Glen|Heath|Hollow|Mount|Loop|Cove|Turnpike|Pike|Promenade"
)
_STREET: Final = rf"(?:{_PLAIN_STREET})"
_CAP: Final = r"(?:[A-Z][A-Za-z'\u2019-]+|[0-9]{1,3}(?:st|nd|rd|th)|[NSEW]\.?(?= ))"
_NUMBER: Final = r"[0-9]{1,5}[A-Za-z]?(?:[/-][0-9]{1,4}[A-Za-z]?)?"
_UNIT: Final = (
    r"(?:(?:Flat|Room|Rm|Unit|Apt|Apartment|Suite|Blk|Block|Building|Bldg|Tower|Floor|House|Lane|Alley|Section|Sec)\.? ?#?(?=[A-Z]?[0-9]|[A-Z](?![A-Za-z]))[A-Z0-9][A-Z0-9-]{0,4}"
    r"|(?:[0-9]{1,2}(?:st|nd|rd|th)|Ground|First|Second|Third|Fourth|Fifth|Top) Floor|No\. ?[0-9]{1,4}|[0-9]{1,3}/F|[0-9]{1,2}F(?:-[0-9]+)?)"
)
_UK: Final = r"(?:[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2})"
_CODE: Final = rf"(?:{_UK}|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]|[A-Z]{{2}} [0-9]{{5}}(?:-[0-9]{{4}})?|(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT),? [0-9]{{4}}|Singapore [0-9]{{6}}|S\([0-9]{{6}}\)|[0-9]{{4,6}})(?![0-9A-Za-z])"
_TOWN: Final = r"(?:Co\.? )?[A-Z][A-Za-z'\u2019-]+(?:[ -](?:(?:upon|on|le|of)[ -])?[A-Z][A-Za-z'\u2019-]+){0,2}(?: [0-9]{1,2}(?![0-9A-Za-z]))?"
_TAIL: Final = (
    rf"(?: (?:Central|East|West|North|South|N\.?W\.?|S\.?W\.?|N\.?E\.?|S\.?E\.?|[0-9]{{1,2}})(?![A-Za-z0-9]))?\.?"
    rf"(?:,? (?:{_UNIT}|#[0-9]{{1,3}}-[0-9]{{1,4}}|#[0-9]{{1,4}}[A-Z]?)| ?,? ?(?:{_CODE})|, (?:{_CODE}|[A-Z]{{2,3}}(?![A-Za-z])|(?!I[ '\u2019]|And |But |The |She |He |We |They |My ){_TOWN}(?: {_CODE})?)){{0,5}}"
)
_ESTATE: Final = r"(?:Court|House|Estate|Garden|Gardens|Mansion|Mansions|Building|Tower|Towers|Centre|Center|Plaza|Heights|Apartments|Villa|Villas|Lodge)"
# Streets whose word stands first: 9 Rue des Lilas, Calle Mayor 5; a house number must stand on one side.
_FOREIGN_WORD: Final = (
    "Rue|Chemin|Quai|Impasse|Via|Viale|Piazza|Calle|Avenida|Carrer|Rua|Jalan|Jln|Jl\\.|Lorong|Avenue|Boulevard|Place"
)
_OF: Final = r"(?:d[eiu]s?|del|della|la|las|le|les|los|do|da|dos|et|y|l['\u2019]|d['\u2019])"
_FOREIGN_NAME: Final = rf"(?: {_OF}){{0,2}}(?:[ '\u2019-][A-Z\u00c0-\u00dc][A-Za-z\u00c0-\u024f'\u2019-]+){{1,3}}"
_ABROAD: Final = rf"(?:,? (?:[A-Z]-)?[0-9]{{4,5}} {_TOWN})?"
_NO_STREET: Final = r"(?!(?:The )?(?:Wall|Sesame|Coronation|Supreme|High|Family|District|Crown|Juvenile|County|Federal|Superior|Civil|Criminal|Small|Memory|Abbey|Silk|Main|First|No|My|Our|Hyde|Central|Jurassic|South|Theme|National|Time|Trafalgar|Own|Long|Grove|Tennis|Downing|Fast)[a-z]* )"
_ENGLISH_ADDRESS = [
    re.compile(p)
    for p in (
        rf"(?<![A-Za-z0-9.#/-])(?:(?:{_UNIT},? )+(?:{_NUMBER},? )?|{_NUMBER},? )(?:{_CAP} ){{1,4}}{_STREET}(?![A-Za-z']){_TAIL}",
        rf"(?<![A-Za-z0-9.#/-])(?:{_UNIT},? )+(?:{_CAP} ){{1,4}}{_ESTATE}(?![A-Za-z]){_TAIL}",
        # Whatever stands before a postcode: The Old Forge, Mill Lane, Thornby NN6 8SW.
        rf"(?<![A-Za-z0-9])(?:(?:{_NUMBER} )?(?:{_CAP} ?){{1,4}}, ?){{0,4}}(?:{_CAP} ){{1,3}},? ?{_UK}(?![A-Za-z0-9])",
        rf"(?:(?<=of )|(?<=on )|(?<=at )|(?<=in )|(?<=to )|(?<=ar )|(?<=st )|(?<=om )|(?<=ng )|(?<=ff )|(?<=wn )|(?<=es )|(?<=se )|(?<=nd ))(?:the )?{_NO_STREET}((?:{_CAP} ){{1,3}}(?:Street|Road|Avenue|Lane|Drive|Terrace|Crescent|Boulevard|Row|Wharf|Mews|Close|Court))(?![A-Za-z']){_TAIL}",
        # A house by its name, a lane and a town: The Old Forge, Church Lane, Hexham.
        rf"(?<![A-Za-z0-9])(?:The )?(?:{_CAP} ){{0,2}}{_CAP}, (?:{_CAP} ){{1,3}}(?:Street|Road|Avenue|Lane|Drive|Terrace|Crescent|Close|Row|Mews|Hill|Way)(?:, {_TOWN}(?: {_CODE})?)",
        # Flat C, 15/F, Block 3, Mei Foo Sun Chuen; Room 1203, Wah Lok House, Wah Fu Estate.
        rf"(?<![A-Za-z0-9.#/-])(?:{_UNIT},? )+(?:(?:{_CAP} ){{0,3}}{_CAP},? ){{0,2}}(?:{_CAP} ){{1,3}}(?:{_ESTATE}|Chuen|Tsuen|Court|Village|Wan|Tsui|Po|Shan|Tin)(?![A-Za-z]){_TAIL}",
        rf"(?<![A-Za-z0-9.#/-])(?:{_UNIT},? )*{_NUMBER},? (?:bis |ter )?(?:(?!Avenue|Boulevard|Place)(?:{_FOREIGN_WORD})(?={_FOREIGN_NAME})|(?:Avenue|Boulevard|Place)(?= {_OF})){_FOREIGN_NAME}{_ABROAD}{_TAIL}",
        # By Via a road is meant only with its town: what comes Via Zoom 3 times has none.
        rf"(?<![A-Za-z0-9])(?:(?:Calle|Avenida|Carrer|Rua|Jalan|Jln|Jl\.|Lorong|Viale){_FOREIGN_NAME},? {_NUMBER}|Via{_FOREIGN_NAME},? {_NUMBER}(?=, ?(?:[0-9]{{5}}(?![0-9])|[A-Z])))(?![0-9:%]|[.][0-9]){_ABROAD}{_TAIL}",
        rf"(?<![A-Za-z0-9])[A-Z\u00c0-\u00dc][a-z\u00df-\u00ff]+(?:stra(?:\u00df|ss)e|gasse|allee|platz|weg) [0-9]{{1,4}}[a-z]?(?![0-9A-Za-z:%]){_ABROAD}{_TAIL}",
        rf"(?<![A-Za-z])P\.?O\.? Box [0-9]{{2,6}}(?![0-9]){_TAIL}",
        rf"(?<![A-Za-z])(?:{_CAP} ){{1,2}}(?:Village|Township|Town|Estate),(?: (?:{_CAP} ?){{1,3}},?){{1,3}}",
    )
]


def find_english_addresses(text: str) -> Iterator[Span]:
    """English addresses of a folded text, as long as they are written."""
    found = []
    for pattern in _ENGLISH_ADDRESS:
        for match in pattern.finditer(text):
            start = match.start(1) if pattern.groups else match.start()
            found.append((start, start + len(text[start : match.end()].rstrip(" ,.;"))))
    # A comma parts the building from its street.
    found += [(end, end + 2) for _, end in found if text[end : end + 2] == ", " and any(s == end + 2 for s, _ in found)]
    yield from (Span(start, end, "address") for start, end in joined(found))


RULES: Final = (
    Rule(
        rf"[0-9][^\n]*[ ,](?:{_PLAIN_STREET})|[a-z] (?:the )?[A-Z0-9][^\n]* (?:Street|Road|Avenue|Lane|Drive|Terrace|Crescent|Boulevard|Row|Wharf|Mews|Close|Court)"
        rf"|[0-9][a-z]?,? (?:bis |ter )?(?:{_FOREIGN_WORD}) |(?:Rue|Chemin|Quai|Impasse|Via|Viale|Piazza|Calle|Avenida|Carrer|Rua|Jalan|Jln|Jl\.|Lorong) [^\n]*[0-9]|(?:stra(?:\u00df|ss)e|gasse|allee|platz|weg) [0-9]|(?:st|nd|rd|th|Ground|First|Second|Third|Fourth|Fifth|Top) Floor|(?:Flat|Room|Rm|Unit|Apt|Apartment|Suite|Block|Blk|Building|Bldg|Tower|Floor|House|Lane|Alley|Section|Sec|No)\.? ?#?[A-Z0-9]|P\.?O\.? ?Box|[0-9]/F|[0-9]F|{_UK}|(?:Village|Township|Town|Estate), |[A-Z][a-z]+, [A-Z][^\n]* (?:Street|Road|Avenue|Lane|Drive|Terrace|Crescent|Close|Row|Mews|Hill|Way), ",
        find_english_addresses,
    ),
)
