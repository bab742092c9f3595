"""Human ratings from files: bad ones are told as a whole, codes for nothing are missing."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from benchmarks.human_ratings import ratings, read_ratings
from xinheng.errors import InputError

HEAD = "case_id,rater,dimension,value\n"


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("r.csv", b"", "empty"),
        ("r.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("r.csv", b"case_id,value\na,1\n", "no column rater, dimension"),
        ("r.csv", HEAD.encode(), "no rating"),
        ("r.csv", (HEAD + "a,x,empathy,good\na,y,empathy,4/5\nb,x,empathy,5\n").encode(), r"2 values .*rows 1, 2"),
        ("r.csv", (HEAD + "a,x,empathy,3\na,x,empathy,4\n").encode(), "1 ratings of the same"),
        ("r.csv", (HEAD + ",x,empathy,3\n").encode(), "1 rows without"),
        ("r.csv", (HEAD + "a,x,empathy,inf\n").encode(), "no numbers"),
        ("r.jsonl", b'{"case_id": 1', "cannot be read"),
        ("r.xls", b"x", "no known kind"),
    ],
)
def test_what_are_no_ratings_is_refused(tmp_path: Path, name: str, body: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(InputError, match=says) as caught:
        read_ratings(tmp_path / name)
    assert "good" not in str(caught.value), "no cell is quoted"


def test_no_file_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_ratings(tmp_path / "r.csv")


def test_codes_for_nothing_are_missing_and_drafts_are_left_out(tmp_path: Path) -> None:
    rows = ["1,x,empathy, 4 ,submitted", "2,x,empathy,N/A,submitted", "3,x,empathy,,Submitted", "4,x,empathy,5,draft"]
    body = "\n".join(["\ufeffid,annotator,question,rating,status", *rows, ""])
    (tmp_path / "r.csv").write_text(body, encoding="utf-8")
    found = read_ratings(tmp_path / "r.csv")
    assert found["case_id"].to_list() == ["1", "2", "3"]
    assert found["value"].to_list() == [4, None, None]
    assert found["system"].null_count() == 3


@pytest.mark.parametrize("head", ["", "\ufeff", "sep=;\r\n", "\ufeffsep=;\n"])
@pytest.mark.parametrize("mark", [";", "\t", ","])
def test_what_excel_writes_is_read_whatever_stands_between_cells(tmp_path: Path, head: str, mark: str) -> None:
    lines = [HEAD.strip(), "a,x,empathy,3", "b,x,empathy,4.5"]
    body = head.replace(";", mark) + "\r\n".join(line.replace(",", mark) for line in [*lines, ""])
    (tmp_path / "r.csv").write_bytes(body.encode())
    assert read_ratings(tmp_path / "r.csv").select("case_id", "value").rows() == [("a", 3), ("b", 4.5)]


def test_only_codes_for_nothing_are_no_rating(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEAD + "a,x,empathy,NaN\nb,x,empathy,N/A\n")
    with pytest.raises(InputError, match="no rating"):
        read_ratings(tmp_path / "r.csv")


def test_every_kind_of_file_gives_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"case_id": ["a", "b"], "rater_id": ["x", "x"], "measure": ["e", "e"], "score": [1.0, 2.5]})
    frame.write_csv(tmp_path / "r.csv")
    frame.write_csv(tmp_path / "r.tsv", separator="\t")
    frame.write_ndjson(tmp_path / "r.jsonl")
    frame.write_parquet(tmp_path / "r.parquet")
    read = [read_ratings(tmp_path / name) for name in ("r.csv", "r.tsv", "r.jsonl", "r.parquet")]
    assert all(one.equals(read[0]) for one in read)
    assert read[0].equals(ratings(frame, who="table"))
