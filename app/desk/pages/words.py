"""What the pages say, in Traditional Chinese, Simplified Chinese and English."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = {"zh-Hant": "繁體中文", "zh-Hans": "简体中文", "en": "English"}
FIELDS: Final = ("demographics", "development", "mental_state", "physical", "social", "free")

_WORDS: Final[dict[str, tuple[str, str, str]]] = {
    "desk": ("諮商書桌", "咨询书桌", "The counsellor's desk"),
    "name": ("姓名或代稱", "姓名或代称", "Your name here"),
    "passphrase": ("通關密語", "口令", "Passphrase"),
    "again": ("再輸入一次", "再输入一次", "Once more"),
    "key_file": ("或金鑰檔", "或密钥文件", "or a key file"),
    "unlock": ("開啟", "打开", "Unlock"),
    "begin": ("第一次使用：建立書桌", "第一次使用：建立书桌", "First time here: set up a desk"),
    "begin_do": ("建立", "建立", "Set up"),
    "back": ("回到開啟頁", "回到打开页", "Back to unlocking"),
    "code_asked": ("終端機上顯示的設定碼", "终端上显示的设置码", "Set-up code shown in the terminal"),
    "long": (
        "至少 10 個字。忘了密語又沒有復原碼，就再也打不開。",
        "至少 10 个字。忘了口令又没有恢复码，就再也打不开。",
        "10 characters or more. Without it and without the recovery code nobody can open the desk.",
    ),
    "recovery": (
        "復原碼只顯示這一次。請抄在紙上，放在別處。",
        "恢复码只显示这一次。请抄在纸上，放在别处。",
        "The recovery code is shown this once. Write it down and keep it away from this machine.",
    ),
    "noted": ("抄好了，開始", "抄好了，开始", "I have written it down"),
    "wrong": (
        "打不開：姓名、密語或金鑰檔不對。",
        "打不开：姓名、口令或密钥文件不对。",
        "Not opened: the name, passphrase or key file is wrong.",
    ),
    "wait": ("猜錯太多次。請等 {s} 秒再試。", "猜错太多次。请等 {s} 秒再试。", "Too many wrong guesses. Wait {s} s."),
    "differ": ("兩次輸入不同。", "两次输入不同。", "The two passphrases differ."),
    "taken": ("這個名字已經有人用。", "这个名字已经有人用。", "This name is taken."),
    "no_code": ("設定碼不對。", "设置码不对。", "The set-up code is wrong."),
    "short": ("密語太短。", "口令太短。", "The passphrase is too short."),
    "bad_key": ("金鑰檔需要 32 到 8192 位元組。", "密钥文件需要 32 到 8192 字节。", "A key file has 32 to 8192 bytes."),
    "older": (
        "資料庫被換回較舊的版本，沒有開啟。請用 xinheng desk verify 查看。",
        "数据库被换回较旧的版本，没有打开。请用 xinheng desk verify 查看。",
        "The database was put back to an older state and was not opened. See xinheng desk verify.",
    ),
    "ended": (
        "已上鎖，或太久沒有動作。打的字都存成草稿了。",
        "已上锁，或太久没有动作。打的字都存成草稿了。",
        "Locked, or nothing was done for long. What was typed is kept as a draft.",
    ),
    "lock": ("上鎖", "上锁", "Lock"),
    "search": ("找個案：代號，或紀錄裡的字", "找来访者：代号，或记录里的字", "Find a client: code, or words in notes"),
    "clients": ("個案", "来访者", "Clients"),
    "more": ("另有 {n} 位，請輸入字詞縮小範圍。", "另有 {n} 位，请输入字词缩小范围。", "{n} more; type to narrow."),
    "none": ("沒有找到。", "没有找到。", "Nothing found."),
    "new": ("新個案", "新来访者", "New client"),
    "code": ("個案代號（不要用真名）", "来访者代号（不要用真名）", "Client code (not a real name)"),
    "demographics": ("基本資料", "基本资料", "Demographic data"),
    "development": ("成長史", "成长史", "Developmental history"),
    "mental_state": ("精神狀態", "精神状态", "Mental state"),
    "physical": ("身體狀況", "身体状况", "Physical condition"),
    "social": ("社會功能", "社会功能", "Social functioning"),
    "free": ("其他", "其他", "Other"),
    "create": ("建立個案", "建立来访者", "Make the client"),
    "cancel": ("取消", "取消", "Cancel"),
    "info": ("基本資訊", "基本信息", "Basic information"),
    "edit_info": ("改基本資訊", "改基本信息", "Change basic information"),
    "save_info": ("存基本資訊", "保存基本信息", "Save basic information"),
    "notes": ("紀錄", "记录", "Notes"),
    "no_notes": ("還沒有紀錄。", "还没有记录。", "No notes yet."),
    "note": ("紀錄 {n}", "记录 {n}", "Note {n}"),
    "which": ("寫哪一則", "写哪一则", "Which note"),
    "new_note": ("新紀錄", "新记录", "New note"),
    "date": ("日期（年-月-日）", "日期（年-月-日）", "Date (year-month-day)"),
    "text": ("內容（自動存成草稿）", "内容（自动存成草稿）", "Text (kept as a draft while you type)"),
    "save": ("存成紀錄", "存成记录", "Save note"),
    "saved": ("已存：紀錄 {n}，第 {v} 版。", "已存：记录 {n}，第 {v} 版。", "Saved: note {n}, version {v}."),
    "drafted": ("草稿已存 {t}", "草稿已存 {t}", "Draft kept {t}"),
    "restored": ("這是上次沒存完的草稿。", "这是上次没存完的草稿。", "This is the draft you had not saved."),
    "older_base": (
        "這份草稿從舊版寫起；紀錄後來改過，存的時候會並排比較。",
        "这份草稿从旧版写起；记录后来改过，保存时会并排比较。",
        "This draft began from an older version; the note changed since. Saving will show both.",
    ),
    "elsewhere": (
        "另一個視窗也在寫這則草稿，這裡沒有自動存。請先抄下這裡的字。",
        "另一个窗口也在写这则草稿，这里没有自动存。请先抄下这里的字。",
        "Another window writes this draft too; it is not kept from here. Copy your words first.",
    ),
    "conflict": (
        "別處已存了第 {v} 版，這次沒有存。兩份並排如下；改好後再按一次就存成下一版。",
        "别处已存了第 {v} 版，这次没有存。两份并排如下；改好后再按一次就存成下一版。",
        "Version {v} was saved elsewhere; yours was not saved. Both stand below; save again to make the next version.",
    ),
    "theirs": ("別處存的", "别处存的", "Saved elsewhere"),
    "mine": ("這裡寫的", "这里写的", "Written here"),
    "bad_date": ("日期要寫成 2026-11-21 這樣。", "日期要写成 2026-11-21 这样。", "Write the date like 2026-11-21."),
    "empty": ("還沒有寫字。", "还没有写字。", "Nothing is written yet."),
    "bad_code": (
        "代號空白，或已有個案使用。",
        "代号空白，或已有来访者使用。",
        "The code is empty, or another client has it.",
    ),
    "version": ("第 {v} 版", "第 {v} 版", "version {v}"),
    "earlier": ("先前的版本", "先前的版本", "Earlier versions"),
    "choose": ("選一位個案，或建立新個案。", "选一位来访者，或建立新来访者。", "Choose a client, or make a new one."),
    "keys": (
        "按鍵：/ 尋找　Alt+N 新個案　Alt+T 寫紀錄　Alt+S 存　Alt+L 上鎖",
        "按键：/ 查找　Alt+N 新来访者　Alt+T 写记录　Alt+S 保存　Alt+L 上锁",
        "Keys: / find · Alt+N new client · Alt+T write · Alt+S save · Alt+L lock",
    ),
    "too_long": ("太長：最多 {n} 個字。", "太长：最多 {n} 个字。", "Too long: {n} characters at most."),
}


def say(language: str, key: str, **values: object) -> str:
    """A sentence of the pages.

    >>> say("zh-Hans", "note", n=3), say("xx", "lock")
    ('记录 3', '上鎖')
    """
    place = list(LANGUAGES).index(language) if language in LANGUAGES else 0
    return _WORDS[key][place].format(**values)


def chosen(accepted: str) -> str:
    """The language that a browser asks for first, of those there are.

    >>> chosen("zh-CN,zh;q=0.9"), chosen("en-GB"), chosen("zh-TW"), chosen("de")
    ('zh-Hans', 'en', 'zh-Hant', 'zh-Hant')
    """
    first = accepted.split(",", maxsplit=1)[0].strip().lower()
    if first.startswith("en"):
        return "en"
    return "zh-Hans" if first in {"zh-cn", "zh-sg", "zh-hans", "zh-hans-cn"} else "zh-Hant"
