"""How fast the embedded Argilla is, over HTTP, by a plain client: prints a table, asserts nothing.

    xinheng annotate serve --home /tmp/rating --raters perf-1,perf-2,perf-3 --background
    python tests/perf/argilla.py /tmp/rating                    # 10,000 records
    python tests/perf/argilla.py /tmp/rating --records 100000

Logs records in batches of 256, as Argilla's own client does; reads the next page of 10 pending records as a rater's
web page asks for it; lets three raters submit at once. Leaves its workspace behind unless `--delete` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import threading
import time
from pathlib import Path
from typing import Any

import httpx

BATCH = 256
SENTENCES = (
    "最近總是睡不好，半夜醒來就開始想工作上的事情，覺得自己什麼都做不好。",
    "聽起來這段時間你承受了很大的壓力，你願意多說一點那些念頭出現的時候嗎？",
    "I keep telling myself it will get better, but every morning feels heavier than the last one.",
    "我試過跟家人談，可是他們只說想太多，後來我就不太想講了。",
    "That sounds lonely. What was it like for you when they answered that way?",
    "考試快到了，我一打開書就心跳很快，手也會抖。",
)
PENDING = {
    "filters": {
        "and": [
            {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
            {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
        ]
    }
}


def main() -> None:
    wanted = _arguments()
    server = json.loads((wanted.home / "server.json").read_text(encoding="utf-8"))
    owner = _client(server["url"], (wanted.home / "owner.key").read_text(encoding="utf-8").strip())
    raters = _raters(owner, server["url"])
    rows: list[tuple[str, str]] = [("load average before", f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")]
    rows.append(("memory at start", f"{_memory_mb(server['pid']):.0f} MB"))
    dataset, workspace = _dataset(owner, raters)
    taken_s, cpu_s = _timed(lambda: _log(owner, dataset, wanted.records), server["pid"])
    rows.append((f"{wanted.records:,} records logged", f"{taken_s:.1f} s (server's CPU {cpu_s:.1f} s)"))
    first = next(iter(raters.values()))
    search = f"me/datasets/{dataset}/records/search"
    rows.append(("next pending page", _page_times(first, search, PENDING, wanted.pages)))
    typed = {"query": {"text": {"q": "心跳 考試"}}, **PENDING}
    rows.append(("next pending page with a query", _page_times(first, search, typed, wanted.pages)))
    cpu_s = _cpu_s(server["pid"])
    rows.append(("three raters at once", _submitting(raters, search, wanted.responses)))
    rows.append(("server's CPU for that", f"{_cpu_s(server['pid']) - cpu_s:.1f} s"))
    rows.append(("pages while they submit, p95", f"{_PAGES_MS and statistics.quantiles(_PAGES_MS, n=20)[18]:.0f} ms"))
    rows.append(("next pending page after that", _page_times(first, search, PENDING, wanted.pages)))
    rows.append(("progress of the dataset", _page_times(owner, f"datasets/{dataset}/progress", None, 20)))
    rows.append(
        (
            "memory at the end",
            f"{_memory_mb(server['pid']):.0f} MB (highest {_memory_mb(server['pid'], peak=True):.0f})",
        )
    )
    if wanted.delete:
        start = time.perf_counter()
        _ok(owner.delete(f"datasets/{dataset}"))
        _ok(owner.delete(f"workspaces/{workspace}"))
        rows.append(("dataset deleted", f"{time.perf_counter() - start:.1f} s"))
    for name, figure in rows:
        print(f"{name:36}{figure}")


_PAGES_MS: list[float] = []


def _client(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1/", headers={"X-Argilla-Api-Key": key}, timeout=120)


def _ok(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json() if answer.content else None


def _raters(owner: httpx.Client, url: str) -> dict[str, httpx.Client]:
    names = [f"perf-{number}" for number in (1, 2, 3)]
    known = {user["username"]: user for user in _ok(owner.get("users"))["items"]}
    found = {}
    for name in names:
        account = {"username": name, "first_name": name, "password": "not-secret-at-all", "role": "annotator"}
        user = known.get(name) or _ok(owner.post("users", json=account))
        found[user["id"]] = _client(url, user["api_key"])
    return found


def _dataset(owner: httpx.Client, raters: dict[str, httpx.Client]) -> tuple[str, str]:
    name = f"perf-{int(time.time() * 1000)}"
    workspace = _ok(owner.post("workspaces", json={"name": name}))["id"]
    for rater in raters:
        _ok(owner.post(f"workspaces/{workspace}/users", json={"user_id": rater}))
    settings = {"name": name, "workspace_id": workspace, "distribution": {"strategy": "overlap", "min_submitted": 3}}
    dataset = _ok(owner.post("datasets", json=settings))["id"]
    for field in ("prompt", "answer"):
        body = {"name": field, "title": field, "required": True, "settings": {"type": "text", "use_markdown": False}}
        _ok(owner.post(f"datasets/{dataset}/fields", json=body))
    for question in ("empathy", "suggestion"):
        options = {"type": "rating", "options": [{"value": value} for value in range(1, 6)]}
        body = {"name": question, "title": question, "required": True, "settings": options}
        _ok(owner.post(f"datasets/{dataset}/questions", json=body))
    body = {"name": "place", "title": "place", "settings": {"type": "integer"}, "visible_for_annotators": False}
    _ok(owner.post(f"datasets/{dataset}/metadata-properties", json=body))
    _ok(owner.put(f"datasets/{dataset}/publish"))
    return dataset, workspace


def _log(owner: httpx.Client, dataset: str, records: int) -> None:
    drawn = random.Random(7)
    for start in range(0, records, BATCH):
        items = [
            {
                "external_id": f"item-{number}",
                "fields": {"prompt": _text(drawn, 4), "answer": _text(drawn, 6)},
                "metadata": {"place": number},
            }
            for number in range(start, min(start + BATCH, records))
        ]
        _ok(owner.put(f"datasets/{dataset}/records/bulk", json={"items": items}))


def _text(drawn: random.Random, sentences: int) -> str:
    return " ".join(drawn.choices(SENTENCES, k=sentences))


def _page_times(client: httpx.Client, path: str, body: Any, times: int) -> str:
    taken_ms = []
    for _ in range(times):
        start = time.perf_counter()
        if body is None:
            _ok(client.get(path))
        else:
            _ok(client.post(path, json=body, params={"limit": 10, "include": ["responses", "suggestions"]}))
        taken_ms.append((time.perf_counter() - start) * 1000)
    p95 = statistics.quantiles(taken_ms, n=20)[18]
    return f"p50 {statistics.median(taken_ms):.0f} ms, p95 {p95:.0f} ms, longest {max(taken_ms):.0f} ms"


def _submitting(raters: dict[str, httpx.Client], search: str, each: int) -> str:
    failed: list[str] = []

    def rate(client: httpx.Client) -> None:
        sent = 0
        while sent < each:
            start = time.perf_counter()
            page = client.post(search, json=PENDING, params={"limit": 10})
            _PAGES_MS.append((time.perf_counter() - start) * 1000)
            for item in page.json()["items"][: each - sent]:
                values = {"empathy": {"value": 4}, "suggestion": {"value": 2}}
                body = {"status": "submitted", "values": values, "record_id": item["record"]["id"]}
                answer = client.post("me/responses/bulk", json={"items": [body]})
                if answer.status_code >= 300 or answer.json()["items"][0]["error"]:
                    failed.append(str(answer.status_code))
                sent += 1

    start = time.perf_counter()
    threads = [threading.Thread(target=rate, args=(client,)) for client in raters.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken_s = time.perf_counter() - start
    return f"{len(raters) * each / taken_s:.0f} responses/s, {len(failed)} errors ({len(raters)} x {each})"


def _timed(work: Any, pid: int) -> tuple[float, float]:
    start, cpu = time.perf_counter(), _cpu_s(pid)
    work()
    return time.perf_counter() - start, _cpu_s(pid) - cpu


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int, *, peak: bool = False) -> float:
    wanted = "VmHWM" if peak else "VmRSS"
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(wanted))
    return int(line.split()[1]) / 1024


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the embedded Argilla.")
    parser.add_argument("home", type=Path)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--responses", type=int, default=150, help="per rater")
    parser.add_argument("--delete", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
