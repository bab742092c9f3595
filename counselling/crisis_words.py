"""The words by which the crisis screen goes: patterns per concern, Chinese in Simplified form, and English.

Written for recall: a person looks at whatever is found. `explicit` says it outright; `possible` may also be a turn
of phrase, somebody else, or the past. Patterns are matched against a text in which Traditional characters are
Simplified, letters small, and blanks between Chinese characters gone.
"""

from __future__ import annotations

from typing import Final, Literal

from counselling import crisis_signs

Kind = Literal["suicide", "self_harm", "abuse", "minor_at_risk", "violence", "psychosis", "medication"]
Level = Literal["explicit", "possible"]

# One word for dying, with the spellings by which people pass filters.
_DIE: Final = "(?:死|4(?![0-9])|s(?![a-z])|噶|嘎|狗带|去世|离世|离开(?:这个)?(?:世界|人世|人间))"
_WISH: Final = (
    "(?:想|要|愿意?|打算|准备|决定|希望|好想|宁愿|宁可|渴望|期待|盼着?|巴不得|恨不得|不如|干脆|情愿|计划|考虑)"
)
_SELF: Final = "(?:自己|我自己|我|俺|本人|自个儿?)"
_LIFE: Final = "(?:生命|性命|人生|一生|这一?切|这辈子|此生|命)"
_LITTLE: Final = "(?:[一-鿿]{0,4})"
_CLAUSE: Final = "[^。！？!?\n]"
# Whom a counsellor writes about, beside whoever writes of himself.
_WHOM: Final = "(?:我|他|她|个案|案主|当事人|来访者|来谈者|咨客)"
_NEAR: Final = "(?:他|她|爸爸?|妈妈?|父亲|母亲|继父|继母|养父|老公|老婆|丈夫|先生|妻子|太太|男友|女友|男朋友|女朋友|伴侣|婆婆|公公|前任|前夫|哥哥|叔叔|舅舅|表哥|堂哥|教练)"
_BODY: Final = r"(?:my|his|her|their)\s+(?:own\s+)?(?:wrists?|arms?|forearms?|thighs?|legs?|skin|body)"
_ONESELF: Final = "(?:myself|himself|herself|themselves|themself)"
# Things of which it is no more than a judgement that they have no sense.
_DULL: Final = (
    "(?:会议?|开会|讲座|课程?|上课|上班|加班|工作|报告|作业|考试|活动|电影|影片|节目|游戏|书|比赛|培训|训练|聚餐|应酬)"
)

SUICIDE_EXPLICIT: Final = (
    "(?:怎么|怎样|怎麽|如何|咋|什么|哪种|有没有|求|教我)[^。！？!?\n]{0,12}?(?:死(?!心|党|板|机|角|线|记|背|磕|忠|循环|结|了心)|自尽|结束生命)|死法|死亡的?(?:方法|方式|办法|手段)|(?:没|未)死成|死成|死不[成掉]|(?:让|使|叫)自己(?:彻底|快点|马上|直接)?死|(?:快速|无痛|轻松|安静)地?(?:的)?死",
    rf"{_WISH}(?:过|着|去|了|就这样|直接|快点|早点|马上|立刻|现在|一起|就|也|都|真的|干脆|自己|安静地?|静静地?|悄悄地?){{0,3}}{_DIE}",
    "自[杀殺鲨煞刹尽沙s缢刎]|紫砂(?!壶|茶|杯|锅|陶|泥)|自我了[断结]|自行了断|自寻短见|寻短见|轻[生身](?:念|想|的|了|过|，|。|$|行)|轻生|寻死|求死|觅死|想不开|zisha|zi sha|suicid",
    rf"(?:结束|终结|了结|了断|放弃|终止|断送|不要|舍弃)(?:了|掉|自己|我|这|此){{0,3}}的?(?:这条)?{_LIFE}",
    r"(?:不想|不愿意?|没法|无法|不能|不配|不该|没办法|不要|没有?勇气|没有?力气|懒得|不打算|不准备)(?:再|继续|在|这样|就这样|这么){0,3}(?:活|生存|存在|苟活)",
    "活不下去|活不下|活够了|活腻|不活了|不想活|不要活|一了百了|生无可恋|了无生趣|生不如死|不如死|还不如死|死了(?:算|就好|更好|才好|多好|得了|就(?:能)?(?:解脱|一了百了|轻松))|死掉(?:算|就好|更好|才)|死[也都]?(?:是|才是)一?种?解脱|去死|以死|一死|求死|等死|该死的(?:人)?是我|早死早",
    "(?:割|切|划|砍)(?:开|断|了|过|破|自己|我){0,3}的?(?:手腕|腕|静脉|动脉|颈|脖子|喉)|割腕|跳楼|跳下去|跳桥|跳河|跳江|跳海|跳湖|跳轨|卧轨|投[河江湖海井]|上吊|吊死|自缢|烧炭|开煤气|吞药|服毒|喝农药|百草枯|喝敌敌畏|撞车[自死]|跳崖|坠楼|从(?:楼|天台|阳台|窗|桥|高处|顶楼|[0-9一二三四五六七八九十]+[楼层])(?:上|顶|边|口|户)?(?:跳|坠|纵)|一跃而下|纵身一跃",
    "(?:吃|吞|服|喝)(?:了|下|掉|光|过){0,2}(?:很多|大量|一整?[瓶排盒罐包]|整[排盒罐包]|一大把|整瓶|所有|全部|几十|[0-9]+|过量|一把|半瓶|好多|囤的?)(?:颗|片|粒|瓶|的)?(?:安眠药|药|安定|止痛药|抗抑郁药|敌敌畏|农药)",
    "遗书|遗言|遗嘱写|后事|绝笔|最后一封信|告别(?:信|这个世界|世界|人世)|永别了|来世再|下辈子再|来生再|没有我(?:的)?(?:世界|日子|你们|大家|他们)?(?:会|就|可能|应该)?(?:更|比较)?(?:好|幸福|轻松)|(?:从|永远)(?:这个)?世界(?:上)?(?:上)?消失|消失(?:在|于|掉)?(?:这个)?(?:世界|人间|人世)|想(?:就这样|直接|彻底|永远|马上|立刻){0,2}消失",
    r"kill(?:ing|ed)?\s+(?:myself|himself|herself|themselves|themself)|(?:end|ending|take|taking|took)\s+(?:my|his|her|their)(?:\s+own)?\s+li(?:fe|ves)|end(?:ing)?\s+it\s+all|(?:want(?:s|ed|ing)?|wanna|wish(?:es|ed)?|going|ready|plan(?:s|ned|ning)?|rather|like)\s+(?:to\s+|(?:i|he|she|they)\s+(?:was|were)\s+|i'?d\s+)?(?:be\s+|just\s+)?(?:die|dead)\b|better\s+off\s+(?:dead|without\s+me)|(?:don'?t|do\s+not|doesn'?t|does\s+not|didn'?t|did\s+not|no\s+longer)\s+(?:really\s+|even\s+)?(?:wants?|wanted|wanna|wish(?:es)?|cares?)\s+(?:to\s+)?(?:live|be\s+alive|be\s+here\s+any|exist|wake\s+up)|no\s+(?:reason|point)\s+(?:to|in)\s+(?:liv|go(?:ing)?\s+on|being\s+alive)|(?:hang|shoot|drown|overdose|poison)(?:s|ed|ing)?\s+(?:myself|himself|herself|themselves|themself)|jump(?:ing)?\s+(?:off|from|in\s+front\s+of)|overdos|suicide\s+note|unalive|kms\b|goodbye\s+(?:letter|note)|can'?t\s+go\s+on|(?:took|taken|takes?|taking|swallow(?:s|ed|ing)?)\s+(?:all|a\s+(?:whole\s+)?(?:bottle|box|handful|lot|bunch))\s+(?:of\s+)?(?:my|his|her|their|the)?\s*(?:\w+\s+)?(?:pills|tablets|medications?|meds|painkillers)|(?:wish(?:es|ed)?)\s+(?:i|he|she|they)\s+(?:was|were|had)\s+(?:never\s+(?:been\s+)?born|dead)|never\s+wake\s+up|not\s+be\s+alive",
)
SUICIDE_POSSIBLE: Final = (
    "死",
    "(?:活着|生活|人生|人活着|生命|活下去|存在)(?:还|又|也|都|就|真的|真|到底|究竟|根本|完全|对我来说|有什么|没什么|没有?|太|好|很|这么|那么|实在|的|对我|究竟|已经|毫无|失去|啥|什么|是|为了){0,5}(?:意思|意义|意味|价值|希望|盼头|动力|理由|累|痛苦|苦|为了什么|没劲|勇气|奔头|煎熬|受罪|多余|折磨|无聊|无趣|为什么)",
    "(?:没有?|找不到|失去|看不到|毫无)(?:任何|了|活|活着|生活|活下去|继续|生存|生的|一丝|一点){0,4}的?(?:意义|希望|盼头|动力|理由|勇气|欲望|价值|留恋|牵挂|念头)",
    "(?:撑|坚持|熬|扛|挺|忍|走|过|支撑)不(?:下去|住|下|过去|到|动)了?|绝望|崩溃|万念俱灰|解脱|消失|不存在|离开这|活着?.{0,3}(?:累|苦|难)|(?:不想|不愿)(?:再)?(?:醒|睁|面对|起来|继续)|醒不?过来|长眠|睡死|一睡不|永远(?:睡|沉睡|不醒)|睡(?:着|过去).{0,6}(?:不(?:要)?(?:再)?醒|醒不来)|多余|累赘|拖累|负担|(?:如果|要是|假如|假使|等到?|哪天|有一天)(?:哪天|有一天|以后)?(?:我|他|她|自己)(?:都|也|真的|已经)?不在|我不在了|(?:哪天|有一天)(?:我|他|她|自己)(?:要是|真的)?走了|活到(?:现在|这里|今天).{0,3}够|(?:没什么|没有什么|毫无)(?:好|可|值得)?留恋|(?:过世|去世|离世|走了|死)之?后.{0,8}跟着?(?:他|她)?(?:一起)?(?:去|走)|想好了?.{0,12}就走|一走了之|没人(?:会)?(?:在乎|在意|关心|记得|难过|发现)|(?:没有|不需要|少了)我.{0,6}(?:也|更|都|会)|不该(?:出生|来到|活|存在)|不(?:如|要)(?:没|被)?(?:出生|生下来|生我)|没(?:有)?出生|放弃(?:了)?(?:吧|一切|自己|治疗|生活|挣扎|抵抗|活)|(?:结束|终结)(?:这|了|一切|所有|痛苦|吧|掉|它|生活)|重新投胎|投胎|下辈子|来生|来世|另一个世界|天堂|地狱|阴间|黄泉|奈何桥|往生|归西|陪(?:他|她|它|妈妈|爸爸|奶奶|爷爷)(?:去|走)|跟着?(?:他|她)(?:去|走)|高楼|天台|楼顶|安眠药|遗憾.{0,4}离开|没有?(?:未来|明天|以后|出路|退路)|看不到(?:未来|明天|希望|头)",
    r"\bdie\b|\bdead\b|\bdying\b|\bdeath\b|hopeless|worthless|(?:be\s+a\s+)?burden|disappear|give\s+up\s+on\s+(?:life|everything)|no\s+(?:way\s+out|future|hope)|can'?t\s+(?:take|do)\s+(?:it|this)\s+any\s*more|nothing\s+to\s+live|(?:not|n't)\s+worth\s+living|(?:reason|point|sense|purpose)\s+(?:to|in|of|for)\s+(?:liv|go(?:ing)?\s+on|being\s+alive|be\s+alive)|(?:everyone|everybody|family|kids|children|they|people)\s+(?:\w+\s+){0,3}better\s+off\s+(?:without|if)|not\s+(?:to\s+)?(?:wake\s+up|be\s+here\s+any)|meaning\s+of\s+life|what'?s\s+the\s+point|sleep\s+forever|tired\s+of\s+(?:living|life|being\s+alive|everything)",
)
SELF_HARM_EXPLICIT: Final = (
    f"自残|自伤|自虐|自我(?:伤害|惩罚|残害)|伤害(?:了|过|我)?(?:自己|自身)|(?:割|划|扎|烫|咬|掐|打|捶|抓|刺|烧|砍|抽|撞|弄伤|刮|戳|揪|拍|敲|扇){_LITTLE}(?:自己|我自己)|(?:用|拿|把)(?:刀|刀片|美工刀|剪刀|圆规|针|烟头|打火机|玻璃|指甲|小刀|铅笔|笔){_CLAUSE}{{0,10}}(?:割|划|扎|烫|刺|戳|刮|切|烧)|(?:手臂|手腕|胳膊|大腿|手|腿|身上).{{0,8}}(?:划|割|刀)(?:痕|伤|了|口|疤)|刀片|(?:头|拳头|手).{{0,4}}(?:撞|砸|捶|打)墙|[捶槌砸]墙|撞墙|用头撞|扇自己|打自己|掐自己|咬自己|抓自己|[揪拔扯](?:自己的?)?头发|催吐|[抠挖]吐|[抠挖]喉|(?:割|划|刮|烫)(?:自己的?)?(?:手臂?|手腕|胳膊|大腿|小腿|腿|肉)|流血(?:才|就|会|的时候|让).{{0,6}}(?:舒服|轻松|痛快|安心)|疼痛?.{{0,6}}(?:让我|使我|才能|才会).{{0,8}}(?:活着|舒服|轻松|平静|存在)",
    rf"self[-\s]?harm|self[-\s]?injur|(?:cut|hurt|burn|hit|punch|scratch|harm|starv|bit|punish)(?:t?ing|e?s|ed|e)?\s+{_ONESELF}|razor\s*blade|(?:cut|scratch|burn|slash|carv|slic)(?:t?ing|e?s|ed|e)?\s+{_BODY}",
)
ABUSE_EXPLICIT: Final = (
    f"家暴|家庭暴力|性侵|强[奸暴j]|猥亵|性骚扰|性虐|性剥削|乱伦|迷奸|虐待|施暴|被迫(?:发生|性|卖)|裸照.{{0,8}}(?:威胁|外流|散布|勒索)|被(?:他|她|人|爸|妈|父|母|继父|养父|老公|丈夫|老婆|男友|女友|男朋友|女朋友|同学|老师|教练|叔|伯|舅|哥|室友|主管|老板|亲戚|他们|她们){{0,3}}.{{0,6}}(?:打|殴|揍|踢|踹|掐|皮带|鞭|侵犯|摸|强迫|囚禁|关起来|霸凌|欺凌|控制|威胁|恐吓|跟踪|勒|烫)|{_NEAR}.{{0,10}}(?:[打揍踢踹掐摸](?:了|过)?{_WHOM}|殴打|动手|动粗|拳打脚踢|侵犯|强迫{_WHOM}|逼{_WHOM}.{{0,4}}(?:发生|做爱|上床)|威胁{_WHOM}|跟踪{_WHOM}|不(?:让|准|许){_WHOM}(?:出门|离开|走)|(?:没收|收走|扣[住下]|拿走).{{0,6}}(?:手机|证件?|护照))",
    r"\brap(?:e|ed|ist|ing)\b|molest|sexual(?:ly)?\s+(?:assault|abus|harass)|domestic\s+(?:violence|abuse)|\babus(?:e|ed|es|ive|er|ing)\b|(?:he|she|they|dad|father|mom|mother|husband|wife|boyfriend|girlfriend|partner|stepdad|stepfather|uncle|brother|coach)\s+(?:\w+\s+){0,3}(?:hits?|beats?|chok(?:es|ed)|punch(?:es|ed)|slap(?:s|ped)|kick(?:s|ed)|strangl(?:es|ed)|touch(?:es|ed)|grabb?(?:s|ed)|forc(?:es|ed)|threaten(?:s|ed)|stalk(?:s|ed))\s+(?:me|her|him|them)\b|strangl|groom(?:ed|ing)\s+me|stalk(?:ing|er|ed)|afraid\s+(?:of\s+(?:him|my)|he)",
)
_CHILD: Final = "(?:未成年|小孩|孩子|儿子|女儿|弟弟|妹妹|婴儿|宝宝|幼儿|学生|我今年(?:1[0-7]|[6-9]|十[一二三四五六七]?|[六七八九])岁|我(?:才)?(?:1[0-7]|[6-9]|十[一二三四五六七]?|[六七八九])岁|国小|小学|国中|初中|高中|国一|国二|国三|初一|初二|初三|高一|高二|高三)"
_HARM: Final = "(?:打(?!算|断|开)|揍|鞭|皮带|虐|性侵|侵犯|猥亵|摸(?!索)|骚扰|霸凌|欺凌|饿|锁|关(?:起来|在|进|禁)|遗弃|不管|没人管|离家出走|(?:不|没)(?:有)?回家|网友.{0,4}(?:住|过夜)|跷家|逃家|中辍|吸毒|拉[kK]|卖淫|援交|约炮|怀孕|堕胎|网友见面|裸照|自残|割|死|自[杀伤]|伤害|施暴|掐|烫|流血)"
MINOR_EXPLICIT: Final = (
    f"{_CHILD}{_CLAUSE}{{0,30}}{_HARM}|{_HARM}{_CLAUSE}{{0,20}}(?:未成年|小孩|孩子|儿子|女儿|弟弟|妹妹|婴儿|宝宝|幼儿)|儿虐|虐童|恋童|童工|儿童色情|离家出走|遗弃",
    r"(?:my\s+(?:kid|child|son|daughter|baby|little\s+(?:brother|sister)|niece|nephew|student)|children|minor|toddler|infant|i'?m\s+(?:only\s+)?(?:[6-9]|1[0-7])\b)[^.!?\n]{0,60}(?:hit|beat|hurt|abus|touch|molest|rap(?:e|ed)|starv|lock|neglect|runaway|run\s+away|pregnan|nude|cut|die|kill|suicid|drug|bully|bullied|unsafe|scared)|child\s+(?:abuse|porn|neglect)|run(?:ning)?\s+away\s+from\s+home|\bcps\b",
)
VIOLENCE_EXPLICIT: Final = (
    "(?:想|要|希望|盼着?|巴不得|恨不得|让|叫|逼|骂|说|咒)(?:他们?|她们?|你们?|妳|您|我|别人|人家|领导|老板|老师|同学|室友|父母|爸爸?|妈妈?)(?:都|就|赶紧|快点|快|早点|赶快|怎么不){0,2}(?:去)?死|(?:他们?|她们?|你们?|妳们?|别人|人家|领导|老板|爸爸?|妈妈?)(?:都|就|全|怎么|怎么还|为什么)?(?:不)?(?:去|得|快|快点|赶紧|该|必须){1,2}死|(?:他|她|你|妳)(?:们)?死了?(?:拉倒|活该|算了|最好)|死(?:变态|人渣|贱人|婊子|全家)|不弄死|遭报应|以死(?:相)?(?:逼|威胁)|拿.{0,6}去死.{0,2}逼",
    f"(?:想|要|会|打算|准备|恨不得|忍不住|差点|真想|好想|威胁|计划|迟早|早晚|可能会?|发誓|说要|扬言){_CLAUSE}{{0,8}}(?:(?<!自)杀|砍|捅|弄死|掐死|打死|毒死|烧死|干掉|宰|揍|打(?:他|她|人|死|爆|断|孩子|老婆|老公|你)|报复|同归于尽|炸|放火|教训(?:他|她)|伤害(?:他|她|别人|他人|你|家人|孩子|同学)|拿刀|动手|毁了(?:他|她))|(?<!自)杀(?:了|死|掉|光)?(?:他|她|你|人|我爸|我妈|全家|他们|她们|父|母|同学|老师)|弄死|砍死|砍人|捅(?:死|他|她|人|了)|同归于尽|灭门|随机杀人|报复社会|血债血偿|打断(?:他|她|你)|要(?:他|她|你)(?:的)?命|不得好死|去死吧|打人|伤人|动手打|暴打|毒打|掐(?:他|她|住|死)|(?:打|揍|踢|踹|扇|砸)(?:了|过)?(?:他|她|我|你|人|孩子|老婆|老公|同学|弟弟|妹妹|妈|爸|女朋友|男朋友|我妈|我爸|儿子|女儿)|一(?:巴掌|拳|脚)|耳光|巴掌|拳头|暴力|家暴|霸凌|欺凌|欺负|凶器|带刀|拿刀|持刀|枪",
    r"(?:kill|murder|stab|shoot|strangle|poison|hurt|attack|beat\s+up|punch|hit|choke|destroy|get\s+back\s+at)(?:s|ed|ing)?\s+(?:(?:him|her|them|you)(?!sel[fv])\b|people|someone|somebody|everyone|(?:my|his|her|their)\s+(?:\w+\s+)?(?:room\s*mates?|co-?workers?|colleagues?|wife|husband|boss|father|mother|dad|mom|kid|son|daughter|partner|boyfriend|girlfriend|ex|brother|sister|neighbou?r|teacher|classmates?))|homicid|mass\s+shooting|make\s+(?:him|her|them)\s+pay|bring\s+(?:a|my)\s+(?:gun|knife)|blow\s+up\s+the",
)
# To be scolded hurts, and is no attack yet.
VIOLENCE_POSSIBLE: Final = (
    "骂(?:了|过|得)?(?:他|她|我|你|人|孩子|老婆|老公|同学|弟弟|妹妹|妈|爸)|被.{0,8}骂|辱骂|羞辱",
    r"scream(?:s|ed|ing)?\s+at\s+me|yell(?:s|ed|ing)?\s+at\s+me|insult",
)
PSYCHOSIS_EXPLICIT: Final = (
    "幻[听觉视]|(?:听到|听见).{0,6}(?:耳边|耳朵里|脑子里|脑中|脑海)|(?:耳边|耳朵里|脑子里|脑中|脑海里?).{0,4}(?:听到|听见|有|出现).{0,4}(?:声音|人)|(?:监视|监听|窃听|偷听)(?:着|了)?(?:我|他|她|自己|个案|案主|来访者)|妄想|思觉失调|精神分裂|被害妄想|(?:听到|听见|有|出现)(?:一个|一些|很多|脑子里|脑中|脑海里|莫名|奇怪)?.{0,6}(?:声音|人).{0,8}(?:叫我|命令|骂我|说话|跟我说|对我说|评论|告诉我|要我|让我)|(?:看到|看见)(?:别人|其他人|人家)?(?:看不到|看不见|不存在|鬼|死去|已经死).{0,4}|(?:有人|他们|政府|邻居|同事|外星人|特务|警察|电视|手机|系统|组织).{0,8}(?:监视|监听|跟踪|控制我|操控|读取?我的?(?:思想|想法|脑)|植入|下毒|害我|要杀我|陷害)|(?:芯片|晶片|电波|脑波|仪器).{0,8}(?:植入|控制|脑|我)|思想(?:被|会).{0,4}(?:偷|播|知道|插入|控制)|(?:电视|广播|新闻|网络|网路).{0,6}(?:都)?(?:在|跟)(?:说|讲|暗示|传|议论)(?:给)?我|(?:电视|广播|新闻|主播|收音机|网络).{0,6}(?:对|给|跟)(?:我|他|她|自己).{0,2}(?:打|发|传|送)?(?:暗号|暗示|讯息|信号|讯号)|我(?:是|就是)(?:神|上帝|救世主|佛|天选|先知|耶稣|玉皇)|附身|中邪|神明?(?:命令|叫我|告诉我|选中)|不(?:用|需要)睡.{0,12}(?:精力|充满|超能|亢奋)|分不清(?:现实|真假|梦)|灵魂出窍",
    r"hear(?:ing|s)?\s+(?:\w+\s+){0,2}voices?|voices?\s+(?:\w+\s+){0,3}(?:tell|say|command|order|talk)|hallucinat|delusion|paranoi|schizo|psycho(?:sis|tic)|(?:they|someone|government|neighbou?rs?|fbi|cia|aliens)\s+(?:\w+\s+){0,3}(?:watching|spying|listening|following|poison(?:ing|ed)?|control(?:ling)?|out\s+to\s+get)\s*(?:me|my)?|chip\s+in\s+my|read(?:ing)?\s+my\s+(?:mind|thoughts)|(?:i\s+am|i'?m)\s+(?:god|jesus|the\s+messiah|the\s+chosen)|tv\s+(?:is\s+)?(?:talking|sending)",
)
_DRUG: Final = "(?:药|安眠|安定|百忧解|舍曲林|左洛复|乐复得|帕罗西汀|克忧果|氟西汀|艾司西酞普兰|来士普|西酞普兰|文拉法辛|速悦|度洛西汀|千忧解|米氮平|阿普唑仑|赞安诺|劳拉西泮|氯硝西泮|利福全|思诺思|史蒂诺斯|唑吡坦|佐匹克隆|锂盐|碳酸锂|丙戊酸|拉莫三嗪|奥氮平|喹硫平|思瑞康|利培酮|理思必妥|阿立哌唑|安立复|利他能|专思达|择思达|褪黑素|fm2|镇静剂|抗忧郁|抗抑郁|止痛药|避孕药|中药|偏方)"
MEDICATION_EXPLICIT: Final = (
    f"{_DRUG}{_CLAUSE}{{0,16}}(?:停|减|加|换|断|吃多少|吃几|几[颗粒片毫]|剂量|副作用|可以吃|能吃|可不可以|能不能|该不该|要不要|一起吃|混|搭配|喝酒|怀孕|哺乳|上瘾|依赖|戒|过量|忘记吃|没吃|有用吗|有效|伤身|多久|推荐|怎么吃|不想吃|吃了)|(?:停|减|加|换|断|戒|该吃|吃什么|吃哪|开|推荐|需要吃|要不要吃|可以吃|能吃|敢吃|自己|擅自|偷偷|不敢|不想吃|忘记吃|吃了){_CLAUSE}{{0,6}}{_DRUG}|[0-9.]+ ?(?:mg|毫克|公丝)|停药|减药|换药|断药|加药|戒断",
    r"\b(?:meds?|medications?|pills?|antidepressants?|ssris?|dos(?:e|age|ing)|prescri(?:be|bed|ption)|zoloft|prozac|lexapro|xanax|ativan|klonopin|wellbutrin|effexor|cymbalta|lithium|lamictal|seroquel|abilify|risperdal|zyprexa|adderall|ritalin|ambien|sertraline|fluoxetine|escitalopram|citalopram|venlafaxine|duloxetine|bupropion|mirtazapine|alprazolam|lorazepam|clonazepam|quetiapine|olanzapine|aripiprazole|risperidone|melatonin|benzos?)\b",
)

# A word that only looks like it: taken out before anything is looked for.
INNOCENT: Final = (
    rf"{_DULL}(?:真的|实在|根本|完全|都|很|好|也|太|好像|觉得){{0,2}}没有?(?:什么|任何|啥|多大)?(?:意义|意思)",
    "打(?:篮球|羽毛球|网球|桌球|乒乓球|棒球|排球|高尔夫|球|电动|电玩|游戏|工|扫|电话|招呼|针|疫苗|呼|包|扮|听|字|卡|折|拼|气|牌|麻将|坐|太极|鼓|底|拳|瞌睡|发时间|理|造|动|通|喷嚏|嗝|报告|交道|成一片|印|车)",
    "杀(?:价|时间|青|毒|菌|风景|手锏)|[抹扼秒]杀|对[^，。,.]{0,8}(?:友|任|他|她|感情|婚姻|工作|公司)死心",
    "笑死|累死|饿死|渴死|热死|冷死|烦死|气死|吓死|丑死|羞死|美死|爱死|想死(?:你|妳|他|她|它|您)(?!.{0,3}了算)|死心塌地|死党|死板|死机|死角|死线|死记|死背|死磕|死忠|死胡同|死脑筋|死循环|死心眼|死结|死对头|怕死(?!了)|打死(?:我)?也?不|打死结|要死不活|要死要活|死皮赖脸|半死(?!不活的)|死读书|死鱼|睡得很死|死死|生死|死亡之|该死的(?:天气|工作|老板|电脑|手机|车)|找死|死缠|玩死|操死|忙死|困死|撑死|爽死|渣死|贵死|痒死|闷死|臭死|恶心死|死气沉沉|死灰|猝死",
    "(?:自杀|自伤|轻生)(?:意念|风险|危险)?(?:筛查|筛检|量表|评估)[^，。,.]{0,8}(?:阴性|零分|0分|为0|为零)",
    "得要死(?!不活)|自[杀伤](?:防治|预防|防范)|(?:预防|防治)自杀|打(?:排位|副本|怪|团战)",
    r"suicide\s+(?:prevention|awareness|mission|squad)|(?:screen\w*\s+)?negative\s+for\s+(?:\w+\s+)?\w+",
    r"(?:si|suicid\w*(?:\s+(?:risk|ideation))?)(?:\s+(?:screen(?:ing|er)?|scale))?\s*(?:\(-\)|:?\s*(?:screened\s+)?negative|came\s+back\s+(?:negative|clear))",
    r"dead\s*line|dead\s*line[sd]?|dead\s+tired|dying\s+to\s+(?:know|see|meet|try)|drop[-\s]dead|killing\s+it|killed\s+it|die\s*hard|dead\s+(?:phone|battery|end|sea)|to\s+die\s+for|dead\s+serious|hit\s+me\s+up",
)

PATTERNS: Final[tuple[tuple[Kind, Level, tuple[str, ...]], ...]] = (
    ("suicide", "explicit", SUICIDE_EXPLICIT),
    ("suicide", "possible", SUICIDE_POSSIBLE + crisis_signs.SUICIDE),
    ("self_harm", "explicit", SELF_HARM_EXPLICIT),
    ("abuse", "explicit", ABUSE_EXPLICIT),
    ("abuse", "possible", crisis_signs.ABUSE),
    ("minor_at_risk", "explicit", MINOR_EXPLICIT),
    ("violence", "explicit", VIOLENCE_EXPLICIT),
    ("violence", "possible", VIOLENCE_POSSIBLE),
    ("psychosis", "explicit", PSYCHOSIS_EXPLICIT),
    ("medication", "explicit", MEDICATION_EXPLICIT),
)
