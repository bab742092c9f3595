"""Two browsers at one note: neither's words are lost, and both are shown side by side."""

from __future__ import annotations

from pathlib import Path

from app.desk import store
from tests.app.desk.desks import opened
from tests.app.desk.pages.at_desk import AtDesk, chromium, new_client


def test_a_conflict_is_shown_side_by_side_and_the_second_save_is_a_persons_choice(tmp_path: Path) -> None:
    at = AtDesk(tmp_path / "desk")
    desk = opened(at.home)
    with chromium() as browser:
        pages = []
        for _ in range(2):
            page = browser.new_context(locale="zh-TW").new_page()
            page.set_default_timeout(300_000)
            at.unlock(page)
            pages.append(page)
        try:
            first, second = pages
            new_client(first, "A-1")
            client = store.clients(desk)[0]
            store.save(desk, client, "note", {"date": "2026-11-21", "text": "begun"})
            for page in pages:
                page.reload()
                page.wait_for_selector("#clients label")
                page.click("#clients label")
                page.wait_for_selector("#notes article")
                page.click("#which input")
                page.click("#which [role=option]:nth-child(2), [role=option][data-index='1']")
                page.wait_for_function("() => document.querySelector('#text textarea').value === 'begun'")
            for page, words in ((first, "theirs <b>"), (second, "mine ![x](y)")):
                page.fill("#text textarea", words)
                page.click("#save")
                page.wait_for_selector("text=theirs <b>" if page is first else ".sides")
            sides = second.locator(".sides section")
            left, right = (sides.nth(n).bounding_box() for n in range(2))
            assert "theirs <b>" in sides.nth(0).inner_text()
            assert "mine ![x](y)" in sides.nth(1).inner_text()
            assert left
            assert right
            assert left["x"] + left["width"] <= right["x"]
            assert abs(left["y"] - right["y"]) < 2
            assert second.input_value("#text textarea") == "mine ![x](y)"
            assert [note.body["text"] for note in store.records(desk, client, "note")] == ["theirs <b>"]
            second.click("#save")
            second.wait_for_function("() => !document.querySelector('.sides')")
            made = store.records(desk, client, "note", every_version=True)
            assert [note.body["text"] for note in made] == ["begun", "theirs <b>", "mine ![x](y)"]
        finally:
            at.stop()
    desk.engine.dispose()
