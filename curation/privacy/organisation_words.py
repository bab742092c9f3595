"""Well-known employers and schools by the names they go by, and words that say somebody works there.

Chinese in Traditional; read with `both`.
"""

from __future__ import annotations

from typing import Final

FIRMS: Final = (
    # Taiwan
    "台積電 鴻海 聯發科 聯電 華碩 宏碁 廣達 緯創 仁寶 和碩 英業達 日月光 群創 友達 瑞昱 聯詠 南亞科 力積電 台達電 光寶 微星 技嘉 研華 大立光 可成 中華電信 台灣大哥大 遠傳 "
    "台塑 南亞 台化 中鋼 中油 台電 台水 台鐵 高鐵 中華郵政 長榮 華航 星宇 虎航 陽明海運 萬海 統一 統一超商 全家 萊爾富 全聯 家樂福 好市多 大潤發 愛買 寶雅 屈臣氏 康是美 "
    "新光三越 遠東百貨 誠品 王品 瓦城 鼎泰豐 八方雲集 路易莎 清心福全 五十嵐 麻古茶坊 迷客夏 摩斯漢堡 信義房屋 永慶房屋 住商不動產 國泰 國泰人壽 國泰世華 富邦 富邦人壽 新光人壽 "
    "南山人壽 中國信託 中信銀行 台新 玉山銀行 玉山 第一銀行 華南銀行 彰化銀行 合庫 兆豐 台灣銀行 土地銀行 元大 凱基 永豐 長庚 榮總 馬偕 亞東 慈濟 奇美 童綜合 彰基 嘉基 成大醫院 台大醫院 "
    "三總 國軍總醫院 聯合醫院 部立醫院 新光醫院 振興醫院 和信醫院 中國附醫 中山附醫 義大醫院 高醫 門諾 羅東聖母 蝦皮 momo PChome 趨勢科技 訊連 保全公司 中興保全 新光保全 和泰汽車 裕隆 "
    "台灣大車隊 黑貓 黑貓宅急便 新竹物流 家扶 世展 勵馨 伊甸 張老師 生命線 "
    # the mainland
    "騰訊 阿里 阿里巴巴 螞蟻 螞蟻集團 字節跳動 字節 百度 京東 美團 拼多多 小米 網易 滴滴 快手 華為 中興 聯想 大疆 攜程 知乎 嗶哩嗶哩 新浪 搜狐 微博 餓了麼 小紅書 商湯 科大訊飛 "
    "海康威視 比亞迪 寧德時代 蔚來 小鵬 理想汽車 吉利 長城汽車 上汽 一汽 東風 廣汽 特斯拉 富士康 立訊精密 歌爾 藍思 京東方 海爾 格力 美的 海信 TCL 國家電網 國網 南方電網 南網 中石化 中石油 "
    "中海油 中國移動 中國電信 中國聯通 移動公司 中鐵 中鐵建 中建 中交 中核 中糧 中車 中航 中國郵政 郵政儲蓄 工商銀行 工行 建設銀行 建行 農業銀行 農行 中國銀行 中行 交通銀行 招商銀行 招行 "
    "浦發 浦發銀行 平安銀行 平安保險 平安 中國人壽 太平洋保險 人保 泰康 中信證券 中金 順豐 中通 圓通 申通 韻達 極兔 德邦 菜鳥 盒馬 永輝 華潤 沃爾瑪 物美 山姆 海底撈 瑞幸 蜜雪冰城 喜茶 "
    "奈雪 肯德基 麥當勞 必勝客 星巴克 德克士 正新雞排 華萊士 萬科 萬科物業 恆大 碧桂園 保利 綠地 融創 鏈家 貝殼 我愛我家 蘇寧 蘇寧易購 國美 新東方 好未來 學而思 作業幫 猿輔導 協和 協和醫院 "
    "華西 華西醫院 湘雅 湘雅醫院 同仁醫院 積水潭 安定醫院 安貞醫院 瑞金醫院 中山醫院 華山醫院 齊魯醫院 西京醫院 同濟醫院 普華永道 普華 德勤 安永 畢馬威 麥肯錫 四大 寶潔 聯合利華 強生 輝瑞 "
    # Hong Kong and Macau
    "港鐵 滙豐 匯豐 恒生 恒生銀行 渣打 中銀 東亞銀行 國泰航空 港航 香港航空 九巴 城巴 新巴 港燈 中電 煤氣公司 香港電訊 數碼通 惠康 百佳 萬寧 大家樂 大快活 美心 太興 譚仔 翠華 周大福 周生生 "
    "六福 莎莎 卓悅 新鴻基 長實 恒基 太古 怡和 醫管局 社署 廉署 懲教署 入境處 房署 明愛 東華 東華三院 保良局 瑪麗醫院 瑪嘉烈醫院 伊利沙伯醫院 威爾斯醫院 威爾斯親王醫院 廣華 仁濟 屯門醫院 "
    "基督教聯合醫院 將軍澳醫院 養和 聖德肋撒 銀河 威尼斯人 永利 美高梅 "
    # anywhere
    "谷歌 微軟 蘋果公司 亞馬遜 臉書 特斯拉 英特爾 輝達 英偉達 高通 台灣微軟 IBM 甲骨文 思科 三星 索尼 優衣庫 宜家 迪士尼 環球影城 優步 奧美 博世 西門子 飛利浦 輝瑞 羅氏 諾華"
)
# Schools by their short names; the longer names end in a word for a school.
SCHOOLS: Final = (
    "台大 臺大 政大 清大 交大 陽明交大 師大 台師大 彰師大 高師大 成大 中大 中興 中正 中山 東吳 輔大 輔仁 淡大 淡江 世新 文大 文化 逢甲 東海 靜宜 銘傳 實踐 元智 中原 長庚大學 北大 台北大 暨大 東華 "
    "台科大 北科大 雲科大 屏科大 高科大 北護 北醫 中國醫 高醫大 中山醫 慈大 國防醫 台藝大 北藝大 北教大 市北教 海大 嘉大 屏大 中央大學 致理 龍華 明新 南台 "
    "清華 北大 人大 復旦 浙大 南大 武大 華科 中科大 哈工大 西交 西交大 上交 上交大 同濟 北航 北理 北師大 北郵 北外 北交大 北科 中大 中山大學 華師 華中師大 華東師大 東北師大 陝師大 首師大 南師大 "
    "川大 電子科大 西電 西工大 山大 吉大 東大 大工 天大 南開 廈大 湖大 中南 重大 西南大 華南理工 華工 暨大 深大 蘇大 鄭大 雲大 蘭大 東南大學 央財 上財 西財 對外經貿 政法 中政法 西政 華政 央美 國美 中戲 北影 "
    "港大 中大 科大 理大 城大 浸大 嶺大 教大 都大 公大 樹仁 恒大 澳大 "
    "建中 北一女 中山女高 成功高中 師大附中 附中 中一中 中女中 南一中 南女 雄中 雄女 竹中 竹女 嘉中 嘉女 武陵 彰中 彰女 "
    "人大附中 北京四中 清華附中 華師附中 衡水中學 衡中 毛坦廠 成都七中 華二 上中 交附 復附 拔萃 喇沙 華仁 協恩 聖保羅 英皇 男拔 女拔"
)
# Only behind a word of study, for they are words and places as well.
SCHOOLS_SHY: Final = "中興 中正 中山 東吳 輔仁 淡江 文化 逢甲 東海 靜宜 銘傳 實踐 中原 東華 同濟 附中 中南 重大 政法 科大 恒大 中大 東大 大工 南大 武陵 清華 英皇 致理 龍華 明新 南台 國美 山大"
ENGLISH_FIRMS: Final = (
    "Google|Amazon|Apple|Netflix|Microsoft|Meta|Facebook|Tesla|Intel|Nvidia|Oracle|IBM|Cisco|Adobe|Salesforce|Uber Eats|Uber|Lyft|DoorDash|Deliveroo|Grubhub|Instacart|Walmart|Target|Costco|Kroger|Safeway|Publix|"
    "Trader Joe's|Whole Foods|Aldi|Lidl|Tesco|Asda|Sainsbury's|Sainsburys|Morrisons|Waitrose|Co-op|Marks and Spencer|M&S|John Lewis|Boots|Superdrug|Greggs|Costa Coffee|Costa|Pret|Nando's|Wetherspoons|Wetherspoon|"
    "Starbucks|Dunkin'|Dunkin|McDonald's|McDonalds|Burger King|KFC|Subway|Taco Bell|Wendy's|Chipotle|Olive Garden|Applebee's|Denny's|IHOP|Chick-fil-A|Domino's|Pizza Hut|Home Depot|Lowe's|Lowes|Best Buy|Walgreens|CVS|Rite Aid|"
    "Ikea|IKEA|H&M|Zara|Primark|Next|Macy's|Nordstrom|Kohl's|TJ Maxx|Dollar General|Dollar Tree|Family Dollar|7-Eleven|Circle K|FedEx|UPS|DHL|USPS|Royal Mail|Hermes|Evri|DPD|Yodel|Amtrak|Delta|United Airlines|"
    "American Airlines|British Airways|Ryanair|easyJet|EasyJet|Qantas|Cathay Pacific|Cathay|EVA Air|China Airlines|British Gas|BT|Vodafone|Verizon|AT&T|T-Mobile|Comcast|Sky|BBC|ITV|NHS|the NHS|National Grid|Network Rail|"
    "Deloitte|PwC|KPMG|EY|Ernst & Young|Accenture|McKinsey|Bain|BCG|Goldman Sachs|Goldman|JPMorgan|JP Morgan|Morgan Stanley|Barclays|HSBC|Lloyds|NatWest|Santander|Wells Fargo|Chase|Citibank|Citi|Bank of America|Capital One|"
    "Standard Chartered|Boeing|Airbus|Lockheed Martin|Raytheon|Ford|General Motors|GM|Toyota|Honda|Nissan|Rolls-Royce|Siemens|Bosch|Samsung|Sony|TSMC|Foxconn|Huawei|Tencent|Alibaba|ByteDance|TikTok|MediaTek|Asus|Acer|"
    "Pfizer|Moderna|Merck|GSK|AstraZeneca|Novartis|Kaiser Permanente|Kaiser|Mayo Clinic|Cleveland Clinic|Mount Sinai|Johns Hopkins|Disney|Disneyland|Marriott|Hilton|Hyatt|Woolworths|Coles|Bunnings|Kmart|Telstra|Optus|"
    "Tim Hortons|Loblaws|Shoppers Drug Mart|Canadian Tire|Rogers|Telus|Air Canada|MTR|Kowloon Motor Bus|KMB|Wellcome|ParknShop|Grab|Shopee|Foodpanda|Lazada|Singtel|DBS|OCBC"
)
ENGLISH_SCHOOLS: Final = (
    "MIT|UCLA|USC|NYU|UCL|LSE|KCL|HKU|CUHK|HKUST|PolyU|CityU|HKBU|NTU|NCKU|NCCU|NTHU|NCTU|NTNU|NUS|SMU|UNSW|UTS|RMIT|ANU|UBC|SFU|UofT|McGill|UMass|UConn|UGA|UVA|UNC|FSU|LSU|ASU|BYU|TCU|UCF|UIC|UIUC|UMD|UW|UT Austin|Texas A&M|"
    "Penn State|Ohio State|Michigan State|Georgia Tech|Virginia Tech|Caltech|Cal Poly|Stanford|Harvard|Yale|Princeton|Columbia|Cornell|Dartmouth|UPenn|Duke|Berkeley|Northwestern|Georgetown|Tufts|Vanderbilt|Notre Dame|"
    "Oxford|Cambridge|Imperial|Durham Uni|Exeter Uni|Leeds Uni|Bristol Uni|Manchester Uni|Manchester Met|Trinity|Eton|Harrow|Fudan|Tsinghua|Peking|Monash|Waterloo|Queen's"
)
