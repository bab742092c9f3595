"""What a counsellor is told when a model gives no answer: a sentence each, and the way out."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "zh-Hant": {
        "remote": "這個模型在別的機器上，來談者的資料還沒有獲准送出。請改用本機的模型，或先同意送出。",
        "timeout": "模型等太久沒有回答完。你寫的內容都還在；可以再問一次，或換一個快一點的模型。",
        "unavailable": "現在連不上模型。你寫的內容都還在；請確認模型已經啟動，再問一次。",
        "overflow": "問題和資料太長，這個模型讀不下。你寫的內容都還在；可以縮短問題，或換一個能讀更長的模型。",
        "prompt_lost": "模型沒有讀完全部的資料，所以沒有採用它的回答。可以縮短問題，或換一個能讀更長的模型。",
        "cut": "模型的回答太長，中途被切斷了。你寫的內容都還在；可以再問一次，或換一個模型。",
        "schema": "模型的回答沒有照要求的格式，無法整理成項目。你寫的內容都還在；可以再問一次，或換一個模型。",
        "empty": "模型沒有給出可以用的內容。你寫的內容都還在；可以再問一次，或換一個模型。",
        "same": "模型寫出來的和原來一樣。可以在意見裡說得更清楚，再重寫一次。",
        "filtered": "模型的服務商擋下了這次的內容。你寫的內容都還在；可以換一個本機的模型。",
        "refused": "模型拒絕回答。你寫的內容都還在；可以換個問法，或換一個模型。",
        "unsupported": "這個模型做不到這件事。你寫的內容都還在；請換一個模型。",
        "question": "還沒有寫問題。",
        "broken": "模型出了狀況，回答無法使用。你寫的內容都還在；可以再問一次，或換一個模型。",
    },
    "zh-Hans": {
        "remote": "这个模型在别的机器上，来访者的资料还没有获准送出。请改用本机的模型，或先同意送出。",
        "timeout": "模型等太久没有回答完。你写的内容都还在；可以再问一次，或换一个快一点的模型。",
        "unavailable": "现在连不上模型。你写的内容都还在；请确认模型已经启动，再问一次。",
        "overflow": "问题和资料太长，这个模型读不下。你写的内容都还在；可以缩短问题，或换一个能读更长的模型。",
        "prompt_lost": "模型没有读完全部的资料，所以没有采用它的回答。可以缩短问题，或换一个能读更长的模型。",
        "cut": "模型的回答太长，中途被切断了。你写的内容都还在；可以再问一次，或换一个模型。",
        "schema": "模型的回答没有照要求的格式，无法整理成条目。你写的内容都还在；可以再问一次，或换一个模型。",
        "empty": "模型没有给出可以用的内容。你写的内容都还在；可以再问一次，或换一个模型。",
        "same": "模型写出来的和原来一样。可以在意见里说得更清楚，再重写一次。",
        "filtered": "模型的服务商拦下了这次的内容。你写的内容都还在；可以换一个本机的模型。",
        "refused": "模型拒绝回答。你写的内容都还在；可以换个问法，或换一个模型。",
        "unsupported": "这个模型做不到这件事。你写的内容都还在；请换一个模型。",
        "question": "还没有写问题。",
        "broken": "模型出了状况，回答无法使用。你写的内容都还在；可以再问一次，或换一个模型。",
    },
    "en": {
        "remote": "This model is on another machine and nobody has allowed a client's words to go there. "
        "Use a model of this machine, or allow it first.",
        "timeout": "The model took too long. What you wrote is kept; ask again, or choose a quicker model.",
        "unavailable": "The model cannot be reached. What you wrote is kept; see that it runs, then ask again.",
        "overflow": "Question and material are too long for this model. What you wrote is kept; "
        "shorten the question, or choose a model that reads more.",
        "prompt_lost": "The model did not read all of the material, so its answer was not used. "
        "Shorten the question, or choose a model that reads more.",
        "cut": "The model's answer was cut off. What you wrote is kept; ask again or change the model.",
        "schema": "The model's answer does not make items. What you wrote is kept; ask again or change the model.",
        "empty": "The model gave nothing that can be used. What you wrote is kept; ask again or change the model.",
        "same": "The model wrote the same again. Say more in the comment and let it try once more.",
        "filtered": "The model's provider stopped this. What you wrote is kept; a local model has no such filter.",
        "refused": "The model declined. What you wrote is kept; ask in other words, or change the model.",
        "unsupported": "This model cannot do that. What you wrote is kept; choose another model.",
        "question": "There is no question yet.",
        "broken": "The model failed and its answer cannot be used. What you wrote is kept; "
        "ask again or change the model.",
    },
}
PROBLEMS: Final = frozenset(WORDS["en"])
