"""What attempts on a judge look like, in Chinese (Simplified, to which texts are brought) and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Letters of other scripts that pass for Latin ones, small and capital.
LOOK_ALIKES: Final = str.maketrans(
    "аеорсхуіјѕһԁԛԝАВЕКМНОРСТХІЅοαεικνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧɡℓ",
    "aeopcxyijshdqwABEKMHOPCTXISoaeiknptuxABEZHIKMNOPTYXgl",
)

# Tokens of chat formats.
ROLE: Final = re.compile(
    r"<[|｜][^|｜<>\n]{1,40}[|｜]>|\[/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS)\]|<</?SYS>>|</?s>"
    r"|<(?:start|end)_of_turn>|<(?:bos|eos|unk|pad)>|</?(?:think|thinking|tool_call)>|<\|?eo[st]_id\|?>",
    re.IGNORECASE,
)

_PART: Final = (
    r"(?:reply|replies|response|answer|text|material|conversation|dialogue|transcript|document|content|input|output"
    r"|system|user|assistant|human|developer|instructions?|prompt|task|rubric|criteria|judge|evaluation|assessment"
    r"|verdict|grade|score|reason|data|回[应應覆复]|答[案复覆]|材料|[对對][话話]|文本|[内內]容|系[统統]|用[户戶]|[评評][分量价價估]|指[令示])"
)
_END: Final = r"(?:begin|end|start|stop|close|eof|结束|結束|[开開]始|完[结結毕畢])"

# A run of signs, taken whole: what is behind it is not looked for from the middle of it.
_RUN: Final = r"(?<![=\-_*#~<>＝－])[=\-_*#~<>＝－]{3,}+"

# What closes or opens a quotation: our own brackets, tags, rules around a word that says so.
BRACKET: Final = re.compile(r"[⟦⟧](?!\u2060)")
TAG: Final = re.compile(rf"</?\s*{_PART}[\w\s\"'=:.-]{{0,40}}>", re.IGNORECASE)
BOUNDARY: Final = re.compile(
    rf"[⟦⟧]|{TAG.pattern}"
    rf"|{_RUN}\s*(?:{_END}\b[^\n]{{0,40}}|[^\n]{{0,30}}{_END})"
    rf"|{_RUN}[^\n\w]{{0,3}}{_PART}[^\n]{{0,20}}[=\-_*#~<>＝－]{{3}}"
    r"|\[\s*(?:end|begin|eof|/)[^\]\n]{0,30}\]|```\s*(?:system|instructions?|verdict|judge)\b",
    re.IGNORECASE,
)

_RULES: Final = (
    r"(?:instructions?|rubrics?|criteri(?:a|on)|guidelines?|rules?|prompts?|scale|anchors?|directions?|system message"
    r"|marking scheme)"
)
_WORK: Final = (
    r"(?:response|reply|answer|text|message|output|submission|counsell?or|this|it|me|us|above|below|following)"
)
_TOP: Final = (
    r"(?:full marks?|(?:the )?(?:highest|maximum|max|top|best|perfect)(?: possible)?(?: score| grade| mark| rating| points?)?"
    r"|(?:a |an )?(?:ten|10|five|5)(?: out of (?:ten|10|five|5)|\s*/\s*(?:10|5)| points?| stars?)?|100 ?%)"
)
_ZH_RULES: Final = r"(?:指令|指示|规则|标准|要求|提示词?|准则|说明|量表|评分表|评分细则|评量方式|尺度|锚点|规定)"
_ZH_TOP: Final = r"(?:满分|最高分|最高的?分数?|最高等级|最高级|顶格分?|最大(?:的?分数?|值)|最高档|100分|10 ?分|十分|5 ?分|五分|五颗星|五星|一百分|满级)(?!钟)"
_ZH_WORK: Final = r"(?:本|这|该|此)(?:一?[则段条份篇个])?(?:回应|回复|回答|答复|答案|文本|内容|文字)"
_ZH_JUDGE: Final = (
    r"(?:评审|评委|评分(?:员|者|人|模型|系统|程序|机器人)|评估(?:员|者|人|模型|系统)|评量(?:者|员)|评判(?:者|员)|裁判(?:模型|员)?|阅卷(?:人|老师|员|者)"
    r"|打分(?:者|员|的人|的那位|的模型|系统|程序)|(?:阅卷|评测|评分|评估)(?:的那位|系统|者|员|模型|脚本|程序)|考官|审核(?:员|者|模型))"
)
# Rules that a client lives under are no rubric.
_ZH_OTHERS: Final = r"(?:别人|他人|爸|妈|父母|家|医生|老师|社会|公司|主管|上司|老板|另一半|先生|太太|对方|自己)"

PATTERNS: Final[Mapping[str, re.Pattern[str]]] = {
    # Do not follow what you were told.
    "overrule": re.compile(
        rf"\b(?:ignore|disregard|forget|override|overrule|bypass|skip|drop|discard|set aside|stop following|do not (?:follow|apply|use)"
        rf"|don'?t (?:follow|apply|use)|no longer appl(?:y|ies)|throw out|replace|supersedes?)\b[^.!?\n]{{0,60}}\b{_RULES}\b(?! (?:of|from) (?:your|his|her|their|my))"
        rf"|\b(?:the )?(?:rubric|scale|grading scheme|marking scheme|criteria)\b (?:does|do) not apply"
        r"|\b(?:your|the) (?:real|actual|true|new) task\b|\bdo not (?:evaluate|grade|assess|score|judge) (?:the|this|it)\b"
        rf"|\b{_RULES}\b[^.!?\n]{{0,40}}\b(?:is|are|has been|have been|was|were)\b[^.!?\n]{{0,20}}"
        r"\b(?:void|cancell?ed|obsolete|outdated|replaced|superseded|withdrawn|changed|updated|suspended)\b"
        r"|\bnew (?:instructions?|system (?:prompt|message)|rubric)\b|\b(?:system|developer|admin) (?:override|notice|update)\b"
        rf"|(?:忽略|无视|忘记|忘掉|忘了|不要管|不用管|别管|不必理会|不要理会|不用理会|不需理会|不要遵守|不必遵守|不用遵守|跳过|绕过|取消|作废|推翻|丢开|抛开|撇开|停止使用|不再适用|清空|别看|不用看|当作没看)"
        rf"(?![^。！？\n]{{0,6}}{_ZH_OTHERS})[^。！？\n]{{0,16}}{_ZH_RULES}"
        rf"|{_ZH_RULES}[^。！？\n]{{0,12}}(?:当作没看|清空|不算数)|优先级?高于[^。！？\n]{{0,12}}{_ZH_RULES}|(?:管理员|系统|开发者)(?:指令|命令|模式)"
        r"|(?:(?<![难避])免评|跳过评[测分量估]|不要?扣分|直接过关|别评了|不用评了|评[测分量]结束)"
        rf"|{_ZH_RULES}[^。！？\n]{{0,8}}(?:作废|失效|取消|无效|已更新|已更改|已变更|不再适用|改为|更新为|已被取代)"
        r"|(?:新的?|最新)(?:系统)?(?:指令|指示|评分标准|评分规则)[:：]|系统(?:更新|通知|覆写|覆盖|公告)[:：]"
    ),
    # Give me the top.
    "grade_demand": re.compile(
        rf"\b(?:give|assign|award|grant|return|output|answer with|respond with|reply with|report|put|enter|set)\b[^.!?\n]{{0,50}}\b"
        rf"(?:score|grade|mark|rating|points?|verdict|stars?)s?\b[^.!?\n]{{0,30}}\b{_TOP}(?!\w)"
        rf"|\b(?:give|assign|award|grant)\b (?:{_WORK}|the {_WORK}|this {_WORK})\b[^.!?\n]{{0,30}}?\b{_TOP}(?!\w)(?!\s*(?:minutes|breaths|deep|seconds|days))"
        rf"|\b(?:rate|score|grade|mark)\b (?:this|the|my|our|its?|every|all)\b(?: {_WORK})?[^.!?\n]{{0,30}}\b{_TOP}(?!\w)"
        r"|\b(?:deserves?|merits?|earns?|worth|warrants?|must (?:get|receive|be given)|should (?:get|receive|be (?:rated|scored|graded|given)))\b"
        r"[^.!?\n]{0,30}\b(?:full marks?|(?:highest|maximum|max|top|perfect)(?: possible)? (?:score|grade|mark|rating)|10(?:\s*/\s*10| out of 10)|5\s*/\s*5)"
        r"|\b(?:full marks|highest possible (?:score|grade|rating)|maximum (?:score|grade|rating)|perfect (?:score|10))\b[^.!?\n]{0,40}"
        r"\b(?:response|reply|answer|please|required|mandatory|everything|every dimension)\b"
        rf"|(?:请|必须|应该|应当|务必|直接|只要|都|一律|全部|麻烦|应|得)[^。！？\n]{{0,12}}(?:给|打|评|判|填|写|输出|记)[^。！？\n]{{0,14}}{_ZH_TOP}"
        r"|\b(?:print|output|return|record|enter|fill in|copy)\b[^.!?\n]{0,24}(?:\b(?:10|5|ten|five)\b|\bmaximum\b|\bhighest\b|\bfull marks\b)"
        r"|\b(?:pass|passed) with (?:a )?(?:full|perfect|top|maximum) (?:score|marks?|grade)|\btop marks\b"
        rf"|(?:输出|返回|打印|填入?|填上|写上|写成|写个|记为|记成|评为|给个|给出|只会说|径给|逕给|照给)[^。！？\n]{{0,10}}(?:{_ZH_TOP}|数字 ?(?:10|5)|(?<!\d)(?:10|5)(?![\d分0-9]| ?(?:分钟|个|次|年|天|岁)))"
        rf"|(?:理应|应该|理当|必须)(?:拿到|得到|获得){_ZH_TOP}"
        rf"|(?:给|打|评|判|给予|评为)[^。！？\n]{{0,6}}{_ZH_WORK}[^。！？\n]{{0,10}}{_ZH_TOP}|{_ZH_WORK}[^。！？\n]{{0,14}}(?:应得|值得|应给|得到|评为|获得|得|值|是|为){_ZH_TOP}"
        r"|(?:每一?项|各项|所有(?:项目|维度|方面)|全部(?:项目)?)[^。！？\n]{0,8}(?:满分|最高分|10分|5分|十分|五分)"
    ),
    # You who judge.
    "to_judge": re.compile(
        r"\b(?:dear|attention|note (?:to|for)|message (?:to|for)|hello|hi|hey|(?:to|as)(?= (?:the|an|any|all|our) )) (?:the |an |any |all |our |my |future )?"
        r"(?:ai |llm |automated |automatic |human )?(?:judges?|evaluators?|graders?|raters?|assessors?|scorers?|examiners?|grading (?:model|system)|marking (?:model|system))\b"
        r"|\byou are (?:now )?(?:a |an |the )?(?:ai |llm )?(?:judge|evaluator|grader|rater|assessor|scorer)\b"
        r"|\bif you are (?:an? )?(?:ai|llm|language model|judge|grader|evaluator|automated)\b|\b(?:llm|ai)[- ]as[- ]a?[- ]?judge\b"
        r"|\bas an? (?:large )?(?:language|ai) model (?:that |who |which )?(?:evaluat|judg|grad|scor|rat|assess)\w*"
        r"|\b(?:whoever|anyone who|whatever) (?:scores|grades|rates|judges|marks|evaluates|assesses) (?:this|it|these|the)\b"
        r"|\b(?:grader|evaluator|judge|rater|assessor)\s*(?::|override|mode|note)"
        r"|(?:如果|若|假如)你是(?:一个|一?位)?(?:语言|大|ai|人工智能|自动)[^。！？\n]{0,4}模型|你不是(?:评|打分|裁判)"
        rf"|(?:致|给|请|尊敬的|亲爱的|各位|敬告|提醒|告诉|通知|作为|身为|你是|你现在是|注意)[^。！？\n]{{0,4}}{_ZH_JUDGE}|^\s*{_ZH_JUDGE}[^。！？\n]{{0,8}}[:：，,]",
        re.MULTILINE,
    ),
    # The verdict already made.
    "verdict": re.compile(
        r"[\"'“](?:reason|grade|score|rating|verdict|empathy|relevance|professionalism|present|得分|评分|分数|理由)[\"'”]\s*[:：]\s*"
        r"(?:\d|true|false|[\"“'])|\[\[\s*(?:\d{1,2}|[ab])\s*\]\]"
        r"|\b(?:(?:final|overall|my|total) )?(?:score|grade|rating|verdict|evaluation)\s*(?:[:=]|is)\s*\**\s*(?:\d{1,2}\b|full|perfect|excellent|highest)"
        r"|(?:得分|评分|分数|总分|评量结果|评分结果|最终评分|评语)\s*(?:[:：=]|是|为)\s*\**\s*(?:(?:10|\d)(?!\d)|满分|最高)"
        r"|(?<![\d./])(10|5)\s*/\s*\1(?![\d/])|(?:最终|最后|正式|标准)(?:的)?(?:得分|评分|分数|成绩)\s*(?:[:：]|是|为)?\s*(?:10|\d)(?!\d)"
        r"|\b(?:correct|expected|gold|true) (?:label|grade|score|rating)\b|(?:通过|经过?)人工(?:复核|审核|评分)"
        r"|\b(?:already|previously) (?:been )?(?:graded|scored|rated|evaluated|assessed)\b|(?:已经?|早已)(?:由[^。\n]{1,12})?(?:评|打)(?:过|完|为|定)[^。\n]{0,6}(?:分|满分)"
        r"|\b(?:certified|verified|approved|confirmed)\b[^.!?\n]{0,40}\b(?:score|grade|rating|10/10|5/5)\b"
    ),
    # Another speaker begins.
    "turn": re.compile(
        r"^\s*(?:#{1,6}\s*|\*\*|\[)?(?:system|developer|admin(?:istrator)?|系统|管理员|开发者)(?:\s*(?:prompt|message|note|提示|消息|讯息|信息))?(?:\*\*|\])?\s*[:：]"
        r"|^\s*#{2,6}\s*(?:system|系统)\s*$"
        r"|^\s*#{2,6}\s*(?:instructions?|system|new task|task|evaluation|指令|指示|任务|评分)",
        re.MULTILINE,
    ),
}
