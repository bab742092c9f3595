"""The signs by which people who say nothing outright are found: farewells, hoards, notes of the trade, fear at home.

Each may have an innocent reason, so each is `possible`. The families are those that prevention programmes teach
(possessions given away, affairs put in order, means gathered, being a burden, nobody to be there later); the wording
is what people write in Chinese (Simplified form, Cantonese as well) and English. Matched as `crisis_words` says.
"""

from __future__ import annotations

from typing import Final

_IN_CLAUSE: Final = r"[^。！？!?\n]"

SUICIDE: Final = (
    # Farewells: things given away for good, affairs put in order, thanks that end something.
    rf"(?:送|分|转|交|留)给{_IN_CLAUSE}{{0,14}}(?:以后|再也|反正|说){_IN_CLAUSE}{{0,4}}(?:用不(?:到|着|上)|不(?:再)?(?:需要|上线|用|要|玩)了?)",
    rf"(?:送|分|转)(?:给|掉|人){_IN_CLAUSE}{{0,12}}(?:留(?:个|作)|当|做)(?:个)?(?:纪念|念想)",
    rf"(?:交代|交待|安排|写|列|整理)(?:好|了|完|清楚){_IN_CLAUSE}{{0,8}}(?:身后|存折|密码|遗物|墓|葬)|把{_IN_CLAUSE}{{0,10}}(?:密码|存折|保单){_IN_CLAUSE}{{0,8}}(?:交代|交待|写给|留给|交给)",
    "(?:谢谢|感谢)(?:你|妳|您|大家|你们)(?:一直)?(?:这些年|陪我到(?:这里|现在|最后)|曾经)|(?:帮|替)我(?:好好)?照顾(?:好)?(?:我?的?(?:爸|妈|家人|孩子|小孩|猫|狗|弟|妹))",
    "不会再(?:痛|疼|难受|痛苦|打扰|麻烦|拖累|烦(?:你|妳|大家))|最后一次(?:见|看)(?:你|妳|到|面|大家)|(?:今晚|今夜|今天|明天)(?:过后|之后|以后)?就(?:都|全)?(?:结束|解脱)",
    r"\b(?:g[ai]v(?:e|es|en|ing)|hand(?:s|ed|ing))\b[^.!?\n]{0,50}(?:won'?t|wouldn'?t|not|no\s+longer|never)\s+(?:be\s+)?need|giv(?:e|es|en|ing)\s+away\s+(?:all\s+)?(?:my|his|her|their)\s+(?:\w+\s+)?(?:things|stuff|belongings|possessions|books|clothes|records|pets?|dog|cat)",
    r"affairs\s+in\s+order|(?:sort|updat|chang|sign|writ|mak)\w*\s+(?:out\s+|up\s+)?(?:my|his|her|their|a)\s+will\b|(?:take|look)\s+(?:good\s+)?(?:care\s+of|after)\s+(?:my|the)\s+(?:\w+\s+)?(?:when|after|once)\s+i'?m\s+gone|when\s+i'?m\s+gone",
    r"(?:not|n'?t)\s+(?:have|need)\s+to\s+(?:worry|bother|deal|fuss)\s+(?:about|with)\s+(?:me|him|her)|(?:won'?t|not\s+going\s+to|not\s+gonna)\s+(?:\w+\s+)?be\s+(?:around|here|a\s+problem)\b(?!\s+(?:next|tomorrow|on|at|for|until|till))|(?:last|final)\s+time\s+(?:i|you|we)(?:'ll)?\s+(?:\w+\s+)?see|thank(?:s|ed)?\s+(?:\w+\s+){1,3}for\s+everything|(?:said|saying|say)\s+(?:his|her|their|my)?\s*goodbyes?\b",
    # To go where the dead are.
    "去(?:陪|找|见)(?:我)?(?:老伴|老头子?|老太婆|死去|过世|去世|走了|天上|地下|先走)|和(?:他|她|老伴)(?:团聚|重逢)|(?:来|去)接我(?:走|了)|早(?:点|些)(?:闭眼|断气|上路)|(?:早点|早些|快点|赶快)走.{0,4}(?:省得|免得|解脱)|(?:阎王|老天爷?|上帝|佛祖).{0,6}(?:收|带|接)(?:了)?(?:我|走)",
    r"time\s+(?:for\s+(?:me|him|her)\s+)?to\s+(?:join|be\s+with|go\s+to)\s|(?:join|be\s+with|see|reunited\s+with)\s+(?:\w+\s+){1,3}(?:in\s+heaven|on\s+the\s+other\s+side|up\s+there|who\s+(?:died|passed))|(?:over|out)stayed\s+(?:my|his|her|their)\s+welcome|(?:lord|god)\s+(?:\w+\s+)?take\s+(?:me|him|her)",
    # Means gathered, places sought.
    rf"(?:攒|存|囤|藏|收集|积)(?:了|着|下|起来?|起)?{_IN_CLAUSE}{{0,8}}(?:药|安眠|安定)|药{_IN_CLAUSE}{{0,6}}(?:攒|囤|藏|存)(?:了|着|起来|下)|(?:查|搜|搜索|上网找|研究){_IN_CLAUSE}{{0,8}}(?:致死|剂量|无痛|不痛|几楼)",
    rf"(?:望|看|盯)(?:住|着)?{_IN_CLAUSE}{{0,6}}(?:路轨|轨道|铁轨|楼下|桥下|河面|海面|水面|车流){_IN_CLAUSE}{{0,8}}(?:发呆|发愣|出神|很久|好久|半天)|(?:站|坐|走|爬)(?:在|到|上)(?:了)?(?:桥|顶楼|栏杆|护栏|月台边|阳台边|窗台|女儿墙)",
    r"(?:sav|stockpil|hoard|stash|collect|hid|gather|squirrel)\w*\s+(?:up\s+|away\s+)?(?:\w+\s+){0,3}(?:pills?|tablets?|meds|medications?)|(?:stand|sat|sit|stood|stare|staring)\w*\s+(?:\w+\s+){0,3}(?:bridge|ledge|edge|rooftop|tracks|rails|platform\s+edge)|(?:bought|buys?|buying)\s+(?:\w+\s+){0,2}(?:rope|gun|blades?)",
    # A burden, missed by nobody.
    rf"(?:没有?了?|少了)我{_IN_CLAUSE}{{0,14}}(?:不用再|不会再|不必|省心|省钱|轻松|好过|清静)|(?:白活|白养|废人|废物|行尸走肉|烂命|贱命)|活着(?:浪费|占|碍|拖)|(?:浪费|占用?)(?:空气|粮食|资源)",
    r"(?:weight|drag|millstone|drain|deadweight)\s+(?:on|a?round)\s+(?:every\w+|my|his|her|their|them|the\s+family)|(?:world|no\s?one|nobody|they|every(?:one|body))\s+(?:would(?:n'?t)?|won'?t)\s+(?:even\s+)?(?:notice|miss)|if\s+(?:i|he|she|they)\s+(?:weren'?t|wasn'?t|were\s+not|was\s+gone|were\s+gone|disappeared|vanished|never\s+woke)|(?:easier|simpler|cheaper)\s+(?:for\s+\w+\s+)?without\s+(?:me|him|her)",
    # No morning to come.
    "瞓(?:咗|着|觉)?.{0,8}唔(?:使|想|好|会)再?醒|唔(?:想|使|愿)再?(?:活|生|做人|捱|留)|做人(?:都)?冇|冇(?:晒)?(?:希望|意义|出路)|死咗|攞(?:自己)?条命|跳落去|捱唔(?:到|住|落)",
    "(?:明天|明年|生日|毕业|过年|三十岁|18岁|十八岁).{0,6}(?:我)?(?:可能|应该|大概)?(?:等不到|看不到|活不到|过不到|没有我)|(?:睡|闭)(?:着|上|过去)?(?:眼)?.{0,6}(?:就好了|不用醒|别醒)",
    r"(?:not|n'?t)\s+(?:\w+\s+){0,2}(?:see|make\s+it\s+to)\s+(?:my|his|her|christmas|next|the\s+new|tomorrow|another)|(?:sleep|asleep)\s+(?:\w+\s+){0,3}(?:not|never|n't)\s+(?:\w+\s+)?wake|done\s+with\s+(?:life|everything|all\s+of\s+it)|nothing\s+(?:left|matters)|no\s+tomorrow",
    # The shorthand of the trade. A screening that came out negative is taken out before (`crisis_words.INNOCENT`).
    r"(?<![a-z])(?:si|nssi|si/hi)(?![a-z])\s*[（(]?\s*(?:[+]|阳|正|有|w/|with|positive|present)|(?<![a-z])nssi(?![a-z])|(?:active|passive|current|chronic|ongoing|endors\w+|report\w*|positive\s+for)\s+(?:si|si/hi)(?![a-z])",
    r"bsrs.{0,10}第(?:六|6)题.{0,6}(?:[1-4一二三四]|中|高)|(?:phq.{0,8}(?:第(?:九|9)题|item\s*9|q9)).{0,10}[1-3一二三]|c-?ssrs.{0,16}(?:阳|正|高|positive|items?\s*[2-6]|[3-6]\s*/)",
    "(?:企图|未遂)史|(?:有|具)(?:体)?(?:明确|具体)?的?(?:计划|计画)(?:和|与|及|、|有)*(?:手段|工具|方法)|保护因子(?:薄弱|不足|少)|(?:启动|订|拟|签|做|讨论)(?:了|定|下)?.{0,4}安全(?:计划|计画|契约|约定)|危机(?:通报|介入|个案)|自伤通报|强制(?:住院|送医)",
    r"safety\s+plan|access\s+to\s+(?:lethal\s+)?(?:means|firearms?|a\s+gun)|lethal\s+means|means\s+restriction|attempt\s+h(?:x|istory)|(?:prior|previous|past|recent|aborted|interrupted)\s+attempts?|\bsectioned\b|involuntary\s+(?:hold|admission)|\b5150\b",
)
ABUSE: Final = (
    "[瘀淤]青|乌青|(?:身上|脸上|手上|脖子).{0,6}(?:新|旧)?的?(?:伤痕|勒痕|烫伤|抓痕)|(?:用|拿)(?:衣架|皮带|藤条|水管|棍子?|拖鞋|竹条|电线).{0,6}(?:打|抽|揍)",
    "(?:钻进|爬上|摸进|钻到|溜进).{0,6}(?:被子|被窝|床|房间)|(?:藏|躲)(?:进|在|到)(?:衣柜|床底|柜子|厕所|浴室|房间)|一?喝(?:酒|醉|多)(?:了)?.{0,4}就(?:会)?(?:发火|发疯|摔|砸|闹|吼|骂|打|动)|一喝(?:酒|醉)",
    f"(?:扣|没收|收走|拿走|藏)(?:着|了|住|起来)?(?:她|他|我|个案)?的?(?:手机|身份证|护照|证件|钱包|存折|薪水|工资){_IN_CLAUSE}{{0,10}}(?:不|关|才|否则)|关(?:在)?(?:屋里|屋内|小黑屋|房里|家里)|不(?:听话|顺从)就|不(?:给|让)(?:她|他|我)(?:钱|出门|上班|见|回娘家|看医生)|(?:怕|不敢).{{0,6}}(?:回家|他回来|她回来)",
    r"walked\s+into\s+(?:a|the)\s+(?:door|wall|cupboard)|fell\s+(?:down\s+the\s+stairs|again)|\bflinch|\bbruis|black\s+eye|(?:controls?|checks?|takes?|took|keeps?|holds?)\s+(?:all\s+)?(?:my|her|his)\s+(?:money|phone|passport|wages|bank)|(?:won'?t|doesn'?t|not)\s+(?:let|allow(?:ed)?)\s+(?:me|her|him)\s+(?:to\s+)?(?:leave|go|see|work|out)|(?:scared|afraid|frightened)\s+to\s+go\s+home|walk(?:ing|s)?\s+on\s+eggshells",
)
