"""Four stages, each seeing the answer as it stands; and one prompt with the same demands."""

from __future__ import annotations

import asyncio

from counselling.rules import Rules
from counselling.staged import STAGES, one_shot, staged
from xinheng.messages import Message, Reply, Usage, Want

HEARD = [Message("user", "我又搞砸了報告。"), Message("assistant", "多說一點？"), Message("user", "主管當眾罵我。")]
DRAFTS = [
    "聽起來你很委屈。",
    "聽起來你很委屈，那真的不容易。",
    "聽起來你很委屈，那真的不容易。你最在意的是什麼？",
    "你被當眾責備，很委屈，這不容易。你最在意的是哪一點？",
]


def test_each_stage_sees_the_answer_so_far_and_the_fourth_is_the_final_one(scripted) -> None:
    chat = scripted(DRAFTS)
    reply = asyncio.run(staged(chat, Rules(limit=50))(HEARD, want=Want(temperature=0.3, seed=7)))
    assert reply.text == DRAFTS[3]
    assert [name for name, _ in reply.parts] == list(STAGES)
    assert [part.text for _, part in reply.parts] == DRAFTS
    for stage in (1, 2, 3):
        assert DRAFTS[stage - 1] in chat.asked[stage][0][0].content
    assert reply.usage == Usage(40, 20, requests=4, seconds=0.4)
    assert {want.seed for _, want in chat.asked} == {7}


def test_the_conversation_itself_is_sent_unchanged_and_only_the_last_stage_hears_of_the_limit(scripted) -> None:
    chat = scripted(DRAFTS)
    asyncio.run(staged(chat, Rules(limit=50))(HEARD))
    assert all(messages[1:] == HEARD for messages, _ in chat.asked)
    assert ["50 個字" in messages[0].content for messages, _ in chat.asked] == [False, False, False, True]


def test_a_stage_without_an_answer_ends_it_and_is_named(scripted) -> None:
    chat = scripted([DRAFTS[0], Reply("", "error", problem="timeout", detail="no reply in 5 s")])
    reply = asyncio.run(staged(chat, Rules())(HEARD))
    assert reply.problem == "timeout"
    assert reply.detail == "stage empathy: no reply in 5 s"
    assert [name for name, _ in reply.parts] == ["emotion", "empathy"]
    assert reply.usage.requests == 1  # of the stage that answered; the failure cost nothing here


def test_one_prompt_asks_for_all_of_it_once(scripted) -> None:
    chat = scripted([DRAFTS[3]])
    reply = asyncio.run(one_shot(chat, Rules(limit=50))(HEARD))
    assert reply.text == DRAFTS[3]
    assert len(chat.asked) == 1
    assert chat.asked[0][0][1:] == HEARD


def test_a_system_message_of_the_caller_stays_after_ours(scripted) -> None:
    chat = scripted([DRAFTS[3]])
    asyncio.run(one_shot(chat, Rules())([Message("system", "來談者是學生。"), *HEARD]))
    system = chat.asked[0][0][0].content
    assert system.endswith("來談者是學生。")
    assert chat.asked[0][0][1:] == HEARD


def test_only_the_last_stage_is_heard_by_who_listens(scripted) -> None:
    heard: list[str] = []
    asyncio.run(staged(scripted(DRAFTS), Rules())(HEARD, tell=heard.append))
    assert "".join(heard) == DRAFTS[3]


def test_ways_have_identities_of_their_own(scripted) -> None:
    chat = scripted(["好"])
    ways = [staged(chat, Rules()), one_shot(chat, Rules()), staged(chat, Rules("en")), staged(chat, Rules(limit=5))]
    assert len({asyncio.run(way.identity()) for way in ways}) == 4
    assert asyncio.run(ways[0].identity()) == asyncio.run(staged(chat, Rules()).identity())


def test_a_counsellor_gives_no_data(scripted) -> None:
    chat = scripted(["好"])
    reply = asyncio.run(staged(chat, Rules())(HEARD, want=Want(schema={"type": "object"})))
    assert reply.problem == "unsupported"
    assert not chat.asked


def test_danger_in_the_clients_words_is_flagged_and_changes_no_answer(scripted) -> None:
    chat = scripted([DRAFTS[3]])
    reply = asyncio.run(one_shot(chat, Rules())([Message("user", "我真的不想活了")]))
    assert reply.text == DRAFTS[3]
    assert reply.flags == ("crisis_suicide",)
    assert asyncio.run(one_shot(chat, Rules())(HEARD)).flags == ()
