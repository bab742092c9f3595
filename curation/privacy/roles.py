"""Words behind which the name of a person comes: roles, relations and kin."""

from __future__ import annotations

from functools import cache
from typing import Final

from curation.privacy import lexicon as lx
from curation.privacy.spans import both
from curation.privacy.word_model import to_simplified

# Whose name is written next, in a record or in a sentence.
_ROLES: Final = (
    "案主 個案 案母 案父 案夫 案妻 案女 案子 案姊 案妹 案兄 案弟 來訪者 患者 病人 病患 當事人 被害人 受害人 受害者 加害人 相對人 聲請人 申請人 "
    "被申請人 被告 原告 證人 嫌疑人 嫌犯 關係人 記錄 記錄人 記錄者 填表人 填寫人 核閱 監護人 家屬 聯絡人 聯繫人 緊急聯絡人 通譯 護士 護理師 護理員 "
    "實習生 死者 生母 生父 家母 家父 導師 班主任 輔導員 社工員 訪視員 個管師 網格員 警員 保姆 看護 新來的 下鋪的 上鋪的 隔壁的 同學的 姓名 名字 本人 學員 "
    "出席 與會人員 主持人 報告人 收件人 寄件人 委託人 受文者 陸配 外籍配偶 移工 配偶 丈夫 老婆 前妻 前夫 爺爺 奶奶 外公 外婆 姐夫 嫂子 "
    "男友 女友 閨蜜 室友 舍友 房東 老闆 同事 員工 屬下 工友 小孩 兒子 女兒 名叫 叫做 我叫 署名 初診 複診 來談者 會談者 "
    "咨詢師 心理咨詢師 心理諮詢師 心理諮商師 主治 主治醫生 主治醫師 主責 主責社工 個管 轉介人 通報人 報告者 陳述人 諮商師 諮詢師 心理師 治療師 領導 上司 組長 輔導組長 發小 哥們 姐們 死黨 同桌 同學 "
    "岳父 岳母 繼父 繼母 養父 養母 乾媽 乾爸 姑姑 姑媽 姑丈 姨媽 姨丈 舅媽 阿姨 叔叔 伯父 大伯 大嫂 弟媳 媳婦 女婿 姪子 姪女 外甥 外甥女 孫子 孫女 老么 "
    "大兒子 小兒子 大女兒 小女兒 長子 次子 長女 次女 獨子 兒媳 男票 女票 對象 前任 初戀 曖昧對象 相親對象 未婚夫 未婚妻 學姐 學姊 學妹 學弟 學長 "
    "股長 組員 隊長 隊友 搭檔 教練 家教 看護 鄰居 房客 二房東 網友 筆友 酒友 牌友 戰友 病友 獄友 難友 個案師 看守 保安 閨女 崽"
)
# Words behind which the name of a person comes.
PERSONS: Final = f"{_ROLES} {lx.RELATIONS}"


def is_behind_role(simple: str, start: int) -> bool:
    """Whether a word for a person ends here (妹妹, 案主:), in Simplified text."""
    end = start
    for _ in range(3):
        if any(simple[max(0, end - length) : end] in _roles() for length in (2, 3, 1, 4)):
            return True
        if not end or simple[end - 1] not in _LINKS:
            return False
        end -= 1
    return False


# What may stand between the word for a person and the name.
_LINKS: Final = frozenset("是叫:,、「“( \u3000")


@cache
def _roles() -> frozenset[str]:
    kin = {before + who for before in "我他她你阿" for who in "哥弟妹姐姑嫂姨舅叔儿"}
    return frozenset(word.translate(to_simplified()) for word in both(PERSONS)) | kin | {"个仔", "个女"}
