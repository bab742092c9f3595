"""Ways to reach a person on the net: e-mail, web addresses, messenger names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from curation.privacy.spans import ALONE, ENDS, Rule, Span

# Set aside for examples, so nobody is reached there; surrogates stand there too, and must not be found again.
RESERVED_HOSTS: Final = re.compile(
    r"(?ai)(?:^|[./@])(?:example\.(?:com|net|org)|[\w-]+\.(?:invalid|test|example))(?=$|[/:?#])"
)
_EMAIL = re.compile(
    rf"{ALONE}[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}} ?@ ?(?:[A-Za-z0-9-]{{1,63}}\.){{1,4}}[A-Za-z]{{2,24}}(?![A-Za-z0-9@])"
)
_COMMON_HOST: Final = re.compile(r"(?ai)\.(?:com|net|org|edu|gov|me|io|tw|cn|hk|uk)$")
_AT: Final = r"(?:[ ]?(?:\(at\)|#(?=(?:qq|163|126|gmail|yahoo|hotmail|outlook|icloud)\.)|\[at\]|\{at\}|<at>|\(@\)|\[@\]|小老鼠|小老鼠符號|艾特|圈a)[ ]?| at |@)"
_DOT: Final = r"(?:\.| dot |[ ]?(?:\(dot\)|\[dot\])[ ]?|[ ]?(?:點|点)[ ]?)"
_EMAIL_SPELT = re.compile(
    rf"{ALONE}[a-z0-9][a-z0-9._+-]*(?:{_DOT}[a-z0-9_+-]{{1,30}})?{_AT}[a-z0-9-]{{2,63}}(?:{_DOT}(?:[a-z0-9-]{{2,30}}))??{_DOT}(?:com|net|org|edu|gov|me|io)(?:{_DOT}[a-z]{{2}})?(?![a-z0-9])",
    re.IGNORECASE | re.ASCII,
)
# Without this none is spelt out: most of what " at " stands in has it not.
_SPELT_END: Final = re.compile(rf"{_DOT}(?:com|net|org|edu|gov|me|io)", re.IGNORECASE | re.ASCII)
_ENDINGS: Final = "be|com|net|org|edu|tw|cn|hk|io|me|cc|blog|tv|co|app|site|ly|gg"
# Hosts of short addresses whose ending is rare, so that it does not say by itself that an address stands there.
_SHORT_HOSTS: Final = (
    r"(?:lin\.ee|goo\.gl|forms\.gle|is\.gd|pse\.is|youtu\.be|amzn\.to|lihi[0-9]?\.[a-z]{2,3}|discord\.gg)"
)
_URL = re.compile(
    rf"{ALONE}(?:https?://|www\.)[\w\-.~:/?#\[\]@!$&'()*+=%]{{3,400}}|{ALONE}(?:[a-z0-9-]+\.){{1,3}}(?:{_ENDINGS})/[a-z0-9_\-./?=&%@~#]+"
    rf"|{ALONE}(?:[a-z0-9-]+\.){{2,4}}[a-z]{{2,12}}/[a-z0-9_\-./?=&%@~#]*[a-z0-9/]"
    rf"|{ALONE}{_SHORT_HOSTS}/[a-z0-9_\-./?=&%@~#]+"
    rf"|{ALONE}[a-z0-9-]{{3,40}}\.(?:pixnet|blogspot|wordpress|tumblr|medium|weebly|wixsite|github|substack|neocities)\.(?:net|com|io|org)(?![a-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_OWN_SITE = re.compile(
    rf"(?:網址|网址|網站|网站|部落格|網誌|博客|主頁|主页|個人頁面|blog|website|site|portfolio)[^\n。;!?0-9A-Za-z]{{0,6}}(?:is |at |: ?)?{ALONE}((?:[a-z0-9-]+\.){{1,3}}(?:{_ENDINGS}))(?![a-z0-9/])",
    re.IGNORECASE | re.ASCII,
)


def find_emails(text: str) -> Iterator[Span]:
    """E-mail addresses of a folded text, spelt out ones included (mei at gmail dot com)."""
    for pattern in (_EMAIL, _EMAIL_SPELT) if _SPELT_END.search(text) else (_EMAIL,):
        for match in pattern.finditer(text):
            found = match.group()
            # With a blank at the sign it may be the name of an app and that of a person in it: IG @rainy.day
            handle = " @" in found and not _COMMON_HOST.search(found)
            if not handle and not RESERVED_HOSTS.search(found):
                yield Span(*match.span(), "email")


def find_urls(text: str) -> Iterator[Span]:
    """Web addresses of a folded text."""
    found = [m.span() for m in _URL.finditer(text)] + [m.span(1) for m in _OWN_SITE.finditer(text)]
    for start, end in found:
        value = text[start:end].rstrip(".,;:!?)'")
        if not RESERVED_HOSTS.search(value):
            yield Span(start, start + len(value), "url")


_APPS: Final = (
    r"(?:line|wechat|weixin|vx|wx|v信|qq|ig|insta|instagram|telegram|tg|skype|discord|dc|facebook|fb|threads|snapchat|snap|whatsapp|twitter"
    r"|dcard|ptt|tiktok|kakao|kakaotalk|signal|plurk|steam|messenger|bilibili|weibo)"
)
_HAN_APPS: Final = (
    "(?:微信|威信|薇信|扣扣|企鵝|企鹅|小红书|小紅書|抖音|微博|Q号|Q號|快手|賴|赖|噗浪|脆|推特|臉書|脸书|電報|电报)"
)
_NO_NAMES: Final = frozenset(
    "id line wechat qq app group pay call today and or the me him her is was chat message messages friends groups to on ok "
    "account username handle name messenger video story stories post posts notification notifications stickers sticker "
    "there here they this that when what with just have been from about friend contact login password online offline".split()
)
_NAME: Final = r"(?:live:\.?(?:cid\.)?)?[A-Za-z1-9_][A-Za-z0-9_.\-]{2,29}(?:#[0-9]{4})?(?<![.\-])"


def find_messenger_names(text: str) -> Iterator[Span]:
    """Names in messengers and social networks, each with its word, of a folded text."""
    for match in _messenger().finditer(text):
        value = match.group(1)
        known = value.lower() in _NO_NAMES or value.lower().startswith("example")
        plain_word = value.isalpha() and value.islower() and len(value) < 4
        year = value.isdigit() and len(value) <= 4
        # A telephone number or a day, not a name.
        number = not re.search("[A-Za-z_]", value) and not value.isdigit()
        if not (known or plain_word or year or number):
            at = text[match.start(1) - 1 : match.start(1)] == "@"
            yield Span(match.start(1) - at, match.end(1), "messenger_id")
    for match in _HAN_HANDLE.finditer(text):
        yield Span(*match.span(match.lastindex or 0), "messenger_id")


# By a letter for an app; with a digit or an underscore in it, whatever stands behind the sign or a word for an account.
_HANDLE: Final = re.compile(
    r"(?<![A-Za-z0-9])[Qq](?:号|號)?[ ]?[:是][ ]?([1-9][0-9]{5,10})(?![0-9])"
    r"|(?<![A-Za-z0-9_.@%+-])(@(?=[A-Za-z_.]*[0-9_])[A-Za-z][A-Za-z0-9_.]{2,28}[A-Za-z0-9_])(?![A-Za-z0-9_@]|\.[a-z])"
    r"|(?:[小大私分副本]帳|[小大私分副本]账|[小大私分副]号|[小大私分副]號|帳號|账号|帐号|用戶名|用户名|網名|网名|暱稱|昵称|(?i:username|user name|handle|gamertag|screen name|account name))[ ]?(?:是|叫|为|為|:|is|=)[ ]?@?"
    r"((?=[A-Za-z_.\-]*[0-9_])[A-Za-z_][A-Za-z0-9_.\-]{3,28}[A-Za-z0-9_])(?![A-Za-z0-9_@]|\.[a-z])"
    r"|(?<![A-Za-z])live:\.?(?=[A-Za-z0-9_.\-]*[0-9_])(?:cid\.)?[A-Za-z0-9_.\-]{3,30}[A-Za-z0-9_](?![A-Za-z0-9_@])"
    # Right behind a word for a second account, what holds an underscore.
    r"|(?:[小大私分副][帳账號号])[ ]?@?((?=[A-Za-z0-9.]*_)[A-Za-z_][A-Za-z0-9_.]{3,28}[A-Za-z0-9_])(?![A-Za-z0-9_@]|\.[a-z])"
    r"|(?<![A-Za-z0-9])(wxid_[a-z0-9]{8,20})(?![A-Za-z0-9])"
    r"|(?:加我|找我|(?<![A-Za-z])[Aa]dd me)[ :]{1,2}((?=[A-Za-z_.\-]*[0-9_])[A-Za-z_][A-Za-z0-9_.\-]{3,28}[A-Za-z0-9_])(?![A-Za-z0-9_@]|\.[a-z])"
    r"|(?<![\u3400-\u9fffA-Za-z0-9])加[ ]?((?=[A-Za-z_.\-]*[0-9_])[A-Za-z_][A-Za-z0-9_.\-]{3,28}[A-Za-z0-9_])(?![A-Za-z0-9_@]|\.[a-z])"
)
_HANDLE_SIGN: Final = r"(?i)q[号號]?[ ]?[:是]|@[a-z]|(?:[帳账帐号號名稱称]|name|handle|tag)[ ]?(?:是|叫|为|為|:|is|=)[ ]?@?[a-z_]|[小大私分副][帳账號号][ ]?@?[a-z_]|live:|wxid_|(?:加我|找我|add me)[ :]|加[ ]?[a-z_]"


def find_handles(text: str) -> Iterator[Span]:
    """Names on the net whose app is not said (@rainy_day7, 小帳是 rainy_day7), of a folded text."""
    for match in _HANDLE.finditer(text):
        yield Span(*match.span(match.lastindex or 0), "messenger_id")


# A name with Han characters needs the sign before it, and an end.
_HAN_HANDLE: Final = re.compile(
    rf"{_HAN_APPS}(?:号|號)?[: ]{{0,2}}(@[A-Za-z0-9_.\u4e00-\u9fff]{{2,16}})(?=[ ,。!?;:\n]|$)"
    r"|(?:Q号|Q號|QQ|qq|扣扣)[号號: 是]{0,2}([1-9][0-9]{2,3}[ -][0-9]{3}[ -][0-9]{3,4})(?![0-9])"
)


@cache
def _messenger() -> re.Pattern[str]:
    """The name a person goes by in a messenger, as group 1; its word must stand before it."""
    app = rf"(?:(?<![A-Za-z0-9]){_APPS}(?=id|[^A-Za-z])|{_HAN_APPS})"
    mark = r"(?:号码|號碼|帳號|帐号|账号|賬號|賬戶|用戶名|用户名|暱稱|昵称|代號|id|handle|name|username|account|号|號|user|tag)"
    word = rf"(?:[ ]?(?:的|我的|她的|他的|{mark}))*"
    is_ = r"(?:is|was|as|是|為|为|叫|:|=|->|就是|都是|改成|換成|换成)"
    verb = r"(?:加我|加|搜尋|搜索|搜|找|私我|查|關注|关注|追蹤|追踪|follow|add me|at|under|這個|这个)"
    # With "id", "is", a colon or @ any name will do; without, it must hold a digit or an underscore.
    firm = rf"(?:{app}{word}[ ]?(?:{is_}|@)|{app}[ ]?{mark}[ ]?{is_}?|(?<![A-Za-z])id[ ]?(?:是|:|叫|is))(?:[ ]?{verb})?[ ]?[@「\"“(]?"
    is_ = rf"{is_[:-1]}|, ?it's|, ?它是)"
    loose = rf"{app}{word}[^\n。;!?0-9A-Za-z_]{{0,8}}?(?:[ ]?(?:{is_}|{verb}))*[ ]?[@「\"“(]?"
    marked = rf"(?=(?:live:)?[A-Za-z_.\-]*[0-9_]){_NAME}"
    return re.compile(
        rf"(?:{firm}(?=[A-Za-z1-9_])|{loose}(?={marked}))({_NAME}){ENDS}(?![ ]?(?:年|月|日|歲|岁|點|点|次|個|个|人|天(?!天)|萬|万|元|則|则|條|条|篇|通|分|小時|小时|多))",
        re.IGNORECASE | re.ASCII,
    )


_ANY_APP: Final = rf"(?i)(?:^|[^a-z]){_APPS}(?:id|[^a-z])|{_HAN_APPS}|(?:^|[^a-z])id ?(?:是|:|叫|is)"
RULES: Final = (
    Rule(
        r"(?i)@|#(?:qq|163|126|gmail|yahoo|hotmail|outlook|icloud)\.|小老鼠|艾特|圈a|[(\[{<]at| at [a-z0-9-]",
        find_emails,
    ),
    Rule(
        rf"(?i)https?://|www\.|\.(?:{_ENDINGS})/|[a-z0-9]\.[a-z0-9-]+\.[a-z]+/|{_SHORT_HOSTS}/|\.(?:pixnet|blogspot|wordpress|tumblr|medium|weebly|wixsite|github|substack|neocities)\.|(?:網址|网址|網站|网站|部落格|網誌|博客|主頁|主页|個人頁面|blog|site|portfolio)",
        find_urls,
    ),
    Rule(_ANY_APP, find_messenger_names),
    Rule(_HANDLE_SIGN, find_handles),
)
