"""Files of texts: every format gives the same examples, and errors give the line and the fix."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import zoo
from zoo.errors import DataError, UsageError
from zoo.readers.examples import ALL, Examples
from zoo.readers.texts import read_text_file, stream_texts
from zoo.settings import DataArguments

TEXTS = [
    text
    for number in range(8)
    for text in (
        f'He said "film {number}", twice: "good"',
        f"a, b, and {number}\ttabbed",
        f"two lines,\nnumber {number}",
        f"这部电影很好，{number}",  # noqa: RUF001 - Chinese has a comma of its own
    )
]
LABELS = ["good, very", "差 ", "other"] * 10 + ["other", "差 "]
LINES = [" ".join(text.split()) for text in TEXTS]  # characters that a line can contain
WORDS = [label.split(",")[0].strip() for label in LABELS]
PLAIN = [f"naïve film {number}, très bon" for number in range(24)]
TWO = ["ja", "nein"] * 12


def delimited(rows: list[tuple[Any, ...]], delimiter: str = ",", **options: Any) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, **{"lineterminator": "\n", **options}).writerows(rows)
    return buffer.getvalue()


def saved(path: Path, texts: list[Any] = TEXTS, labels: list[Any] = LABELS, **options: Any) -> Path:
    """Write texts and labels in the format of the suffix."""
    rows = [("text", "label"), *zip(texts, labels, strict=True)][0 if options.pop("header", True) else 1 :]
    encoding = options.pop("encoding", "utf-8")
    if path.suffix == ".parquet":
        pd.DataFrame(rows[1:], columns=["text", "label"]).to_parquet(path)
        return path
    content = {
        ".csv": lambda: delimited(rows, **options),
        ".tsv": lambda: delimited(rows, "\t", **options),
        ".jsonl": lambda: "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows[1:]),
        ".txt": lambda: "".join(f"{label} {text}\n" for text, label in rows[1:]),
    }
    kind = ".jsonl" if path.suffix == ".ndjson" else path.suffix.lower()
    path.write_bytes(content.get(kind, content[".txt"])().encode(encoding))
    return path


def pairs(data: zoo.Splits) -> list[tuple[str, Any]]:
    """Every text with its label, sorted."""
    return sorted(
        (text, data.info.labels[number])
        for part in ("train", "validation", "test")
        for text, number in zip(data.texts(part), data.targets(part), strict=True)
    )


def read(path: Path, **arguments: Any) -> Examples:
    return read_text_file(path, DataArguments(**arguments))


def texts_of(examples: Examples) -> list[str]:
    return list(examples.parts[ALL].features.read())


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.tsv", "a.jsonl", "a.ndjson", "a.parquet"])
@pytest.mark.parametrize("as_path", [Path, str])
def test_every_file_format_gives_the_rows_as_written(tmp_path: Path, name: str, as_path: type) -> None:
    data = zoo.load_data(as_path(saved(tmp_path / name)))
    expected = zoo.load_data((TEXTS, LABELS))
    assert data.info.task_name == "text_classification"
    assert data.info.labels == ("good, very", "other", "差 ")
    assert data.info.fingerprint == expected.info.fingerprint
    assert data.info.to_dict()["text"] == expected.info.to_dict()["text"]
    assert pairs(data) == pairs(expected) == sorted(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize("name", ["a.txt", "a.train"])
def test_lines_of_label_and_text_give_the_rows(tmp_path: Path, name: str) -> None:
    data = zoo.load_data(saved(tmp_path / name, LINES, WORDS), task="text_classification")
    assert pairs(data) == sorted(zip(LINES, WORDS, strict=True))
    assert data.info.fingerprint == zoo.load_data((LINES, WORDS)).info.fingerprint


def test_an_unknown_suffix_needs_the_task_as_the_message_says(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.train", LINES, WORDS)
    with pytest.raises(DataError, match=r"end in .*\.jsonl.*a\.train.*task='text_classification'"):
        zoo.load_data(path)


@pytest.mark.parametrize(
    ("encoding", "texts", "labels"),
    [
        ("gb18030", TEXTS, LABELS),
        ("utf-16", TEXTS, LABELS),
        ("utf-16-le", TEXTS, LABELS),
        ("utf16", TEXTS, LABELS),
        ("U16", TEXTS, LABELS),
        ("UTF_32", TEXTS, LABELS),
        ("latin-1", PLAIN, TWO),
        ("cp1252", PLAIN, TWO),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_a_named_encoding_is_read(tmp_path: Path, name: str, encoding: str, texts: list[str], labels: list[str]) -> None:
    path = saved(tmp_path / name, texts, labels, encoding=encoding)
    assert texts_of(read(path, encoding=encoding)) == texts
    assert zoo.load_data(path, encoding=encoding).info.labels == tuple(sorted(set(labels)))


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf_8", "U8"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path, name: str, encoding: str) -> None:
    path = saved(tmp_path / name, LINES, WORDS, encoding="utf-8-sig")
    examples = read(path, encoding=encoding)
    assert texts_of(examples) == LINES
    assert examples.parts[ALL].targets.tolist() == WORDS


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.rstrip("\n"),
    ],
    ids=["windows", "old-mac", "blank-lines", "no-last-newline"],
)
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_line_ends_are_not_part_of_a_text(tmp_path: Path, name: str, change: Callable[[str], str]) -> None:
    path = saved(tmp_path / name, LINES, WORDS)
    path.write_bytes(change(path.read_bytes().decode()).encode())
    examples = read(path)
    assert texts_of(examples) == LINES
    assert examples.parts[ALL].targets.tolist() == WORDS


def test_separators_other_than_line_ends_stay_inside_a_text(tmp_path: Path) -> None:
    texts = [f"a{letter}b {number}" for letter in "\x0b\x0c\x1c\x85\u2028" for number in range(2)]
    for name in ("a.txt", "a.jsonl", "a.csv"):
        assert texts_of(read(saved(tmp_path / name, texts, ["x", "y"] * 5))) == texts
    (tmp_path / "plain.txt").write_text("\n".join(texts))
    assert unlabelled(tmp_path / "plain.txt") == texts


@pytest.mark.parametrize(
    ("header", "arguments"),
    [
        (("sentence", "category"), {}),
        (("Review", "SENTIMENT"), {}),
        ((" text ", " label"), {}),
        (("text", "stars"), {}),
        (("prose", "label"), {}),
        (("prose", "stars"), {"text_column": "prose"}),
        (("prose", "stars"), {"text_column": "prose", "label_column": "stars"}),
        (("1", "2"), {"text_column": "1", "label_column": "2"}),
    ],
)
def test_columns_are_found_by_usual_names_or_as_named(
    tmp_path: Path, header: tuple[str, str], arguments: dict[str, str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(delimited([header, *zip(TEXTS, LABELS, strict=True)]))
    data = zoo.load_data(path, task="text_classification", **arguments)
    assert pairs(data) == sorted(zip(TEXTS, LABELS, strict=True))


@pytest.mark.parametrize("turned", [False, True])
def test_without_a_header_the_label_is_the_column_with_fewer_values(tmp_path: Path, turned: bool) -> None:
    rows = list(zip(LABELS, TEXTS, strict=True) if turned else zip(TEXTS, LABELS, strict=True))
    (tmp_path / "a.csv").write_text(delimited(rows))
    data = zoo.load_data(tmp_path / "a.csv", task="text_classification")
    assert pairs(data) == sorted(zip(TEXTS, LABELS, strict=True))
    text, label = (2, 1) if turned else (1, 2)
    assert data.info.report["notes"][0] == (f"without a header: column {text} is used as the text, column {label} as the label")


def test_without_a_header_columns_are_named_by_their_positions(tmp_path: Path) -> None:
    rows = [(n, label, text) for n, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))]
    (tmp_path / "a.csv").write_text(delimited(rows))
    data = zoo.load_data(tmp_path / "a.csv", text_column="3", label_column="2")
    assert pairs(data) == sorted(zip(TEXTS, LABELS, strict=True))
    with pytest.raises(DataError, match=r"The text column is not known. Received: columns 1, 2, 3, .*The first row is 0, go"):
        zoo.load_data(tmp_path / "a.csv", task="text_classification")
    with pytest.raises(DataError, match=r"not have this column. Received: '4'.*Accepted: 1, 2, 3.*The first row is 0,"):
        zoo.load_data(tmp_path / "a.csv", text_column="4", label_column="2")
    saved(tmp_path / "two.csv", header=False)
    with pytest.raises(DataError, match=r"not have this column. Received: '3'.*Accepted: 1, 2\."):  # and is never guessed
        zoo.load_data(tmp_path / "two.csv", text_column="3")


def test_unclosed_quotes_in_a_tsv_are_ordinary_characters_with_a_note(tmp_path: Path) -> None:
    texts = [f'"so {number} it begins' if number % 5 == 0 else f'5" of {number} rain' for number in range(24)]
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "".join(f"{a}\t{b}\n" for a, b in zip(texts, TWO, strict=True)))
    data = zoo.load_data(tmp_path / "a.tsv")
    assert pairs(data) == sorted(zip(texts, TWO, strict=True))
    assert data.info.report["notes"] == ["quotes are ordinary characters, since they are not closed"]


def test_proper_quotes_in_a_tsv_are_quotes(tmp_path: Path) -> None:
    data = zoo.load_data(saved(tmp_path / "a.tsv", quoting=csv.QUOTE_ALL))
    assert pairs(data) == sorted(zip(TEXTS, LABELS, strict=True))
    assert data.info.report["notes"] == []


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("raw", "labels"),
    [
        ([3, -1, 10] * 8, (-1, 3, 10)),
        ([False, True] * 12, (False, True)),
        ([f"class {number % 30}" for number in range(120)], tuple(sorted(f"class {number}" for number in range(30)))),
    ],
    ids=["whole-numbers", "booleans", "30-classes"],
)
def test_every_kind_of_label(tmp_path: Path, name: str, raw: list[Any], labels: tuple[Any, ...]) -> None:
    texts = [f"film number {number}" for number in range(len(raw))]
    data = zoo.load_data(saved(tmp_path / name, texts, raw))
    if raw[0] is False and name in ("a.csv", "a.tsv"):
        raw, labels = [str(label) for label in raw], ("False", "True")  # a cell is text
    assert data.info.labels == labels
    assert dict(pairs(data)) == dict(zip(texts, raw, strict=True))


def test_labels_that_only_look_like_numbers_are_names(tmp_path: Path) -> None:
    labels = ["--1", "-", "1-2", "²"] * 6
    data = zoo.load_data(saved(tmp_path / "a.jsonl", PLAIN, labels))
    assert data.info.labels == tuple(sorted(set(labels)))
    only = zoo.load_data(saved(tmp_path / "b.jsonl", PLAIN, ["--1", "-2"] * 12))
    assert only.info.labels == ("--1", "-2")


def test_labels_that_differ_in_spaces_or_case_are_distinct_and_reported(tmp_path: Path) -> None:
    data = zoo.load_data(saved(tmp_path / "a.csv", PLAIN, ["good", "Good ", "bad"] * 8))
    assert data.info.labels == ("Good ", "bad", "good")
    assert data.info.report["notes"] == ["labels 'Good ', 'good' differ only in spaces or case; they are 2 separate classes"]


@pytest.mark.slow
def test_a_line_of_ten_megabytes_is_one_text(tmp_path: Path) -> None:
    long = "long, long " + "letters" * 1_500_000
    data = zoo.load_data(saved(tmp_path / "a.csv", [long, *PLAIN], ["ja", *TWO]), vocabulary_size=50)
    assert sum(data.info.num_examples.values()) == 25
    for name in ("a.csv", "a.jsonl", "a.txt"):
        assert list(map(len, texts_of(read(saved(tmp_path / name, [long, "b"], ["ja", "nein"]))))) == [len(long), 1]


def test_a_row_without_a_label_is_counted_and_dropped_on_request(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jsonl", [*PLAIN, "unlabelled", "too"], [*TWO, None, ""])
    with pytest.raises(DataError, match=r"2 of 26 rows in part 'all' have no label.*row 24.*data.broken=drop"):
        zoo.load_data(path)
    assert sum(zoo.load_data(path, broken="drop").info.num_examples.values()) == 24


def content(text: str) -> bytes:
    return text.encode()


GOOD = "text,label\n" + "".join(f"film {number},{'ab'[number % 2]}\n" for number in range(20))
GOOD_JSON = "".join(json.dumps({"text": f"film {number}", "label": "ab"[number % 2]}) + "\n" for number in range(20))


@pytest.mark.parametrize(
    ("name", "raw", "arguments", "words"),
    [
        ("a.csv", content("body,label\nx,y\n"), {"text_column": "boddy"}, r"Received: 'boddy'. Did you mean 'body'\? Accep"),
        (
            "a.csv",
            content("a,b,label\nx,y,z\n"),
            {},
            r"The text column is not known. Received: columns a, b, label.*data.text_column",
        ),
        (
            "a.csv",
            content("text,b,c\nx,y,z\n"),
            {},
            r"The label column is not known.*text, b, c.*data.label",
        ),
        (
            "a.csv",
            content(GOOD),
            {"text_column": "text", "label_column": "text"},
            "different columns. Received: 'text' for both",
        ),
        ("a.csv", content("text,label\n,a\n ,b\n"), {}, r"All 2 texts are empty or unreadable: Line 2 of .*Add tex"),
        ("a.csv", content(GOOD + " ,a\n"), {}, r"cannot be read: 1. Received: Line 22 of .*empty text.*data.broken=drop"),
        (
            "a.csv",
            content(GOOD + "film,a,b\nfilm\n"),
            {},
            "cannot be read: 2. Received: Line 22 .*3 columns instead of 2.*Line 23",
        ),
        (
            "a.csv",
            content(GOOD + '"film,a\nand,on\n'),
            {},
            r"as \.csv.*Double the quotes inside quoted cells, and close",
        ),
        ("a.csv", content(GOOD + '"fi"lm,a\n'), {}, r"cannot be read as \.csv: .*expected after"),
        ("a.csv", b"", {}, "has no rows. Received: .*a.csv. Add rows"),
        ("a.csv", b"\n\n\n", {}, "has no rows"),
        ("a.csv", b"text,label\n", {}, "There are no rows. Received: .*a.csv. Add texts"),
        ("a.txt", b"", {}, "There are no rows"),
        ("a.jsonl", b"", {}, "one JSON object per line. Received: .*a.jsonl without objects"),
        ("a.csv", b"text,label\n\x00\x01\x02,a\n", {}, "binary file. Received: .*zero bytes.*Pass a text file"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\x00\x00", {}, "binary file"),
        ("a.txt", "1 这部\n".encode("utf-16"), {}, "starts like UTF-16. Received: .*data.encoding=utf-16"),
        ("a.txt", "1 这部\n2 电影\n".encode("gb18030"), {}, r"not encoded in utf-8: .*data.encoding=.*gb18030"),
        ("a.jsonl", content("[1, 2]\n3\n"), {}, "one JSON object per line"),
        ("a.jsonl", content(GOOD_JSON + "{broken\n"), {}, "cannot be read: 1. Received: Line 21 of .*is not JSON"),
        ("a.jsonl", content(GOOD_JSON + "[1]\n"), {}, "Line 21 of .*is not a JSON object"),
        ("a.jsonl", content(GOOD_JSON + "[" * 100_000 + "\n"), {}, "Line 21 of .*is not JSON"),
        ("a.jsonl", content(GOOD_JSON + '{"label": "a"}\n'), {}, "Line 21 of .*has no text"),
        ("a.jsonl", content(GOOD_JSON + '{"text": 7, "label": "a"}\n'), {}, "Line 21 of .*has int 7 instead of a text"),
        ("a.jsonl", content(GOOD_JSON + '{"text": ["a"], "label": "a"}\n'), {}, r"has list \['a'\] instead of a text"),
        (
            "a.jsonl",
            content(GOOD_JSON + '{"text": "x", "label": ["a"]}\n'),
            {},
            r"A label must be text or a number. Received: \['a'\]",
        ),
        ("a.jsonl", content('{"txt": "a", "label": 1, "more": 2}\n'), {}, r"The text column is not known.*txt, label, more"),
        (
            "a.txt",
            content("".join(f"This{n} is prose, in {n} lines.\n" for n in range(9))),
            {},
            "first word of each line must be its label",
        ),
        ("a.txt", content("a film\nb film\na\n"), {}, "cannot be read: 1. Received: Line 3 of .*has no text"),
        ("a.txt", content("a film\nb film\n"), {"text_column": "text"}, "have no columns. Received: .*rename the file to .csv"),
        ("a.parquet", b"PAR1 no more", {}, "cannot be read.*a.parquet. Fix the file"),
        ("a.csv", content(GOOD.replace(",b", ",a")), {}, r"at least two classes. Received: only 'a'. Add another class"),
        (
            "a.csv",
            content("text,label\n" + "".join(f"!?{'.' * n},{'ab'[n % 2]}\n" for n in range(20))),
            {},
            "no words to learn",
        ),
    ],
)
def test_unusable_files_are_rejected_with_place_and_fix(
    tmp_path: Path, name: str, raw: bytes, arguments: dict[str, Any], words: str
) -> None:
    (tmp_path / name).write_bytes(raw)
    kind = UsageError if "no columns" in words else DataError
    with pytest.raises(kind, match=words):
        zoo.load_data(tmp_path / name, task="text_classification", **arguments)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.csv", GOOD + " ,a\n"),
        ("a.csv", GOOD + "film,a,b\n"),
        ("a.jsonl", GOOD_JSON + "{broken\n"),
        ("a.jsonl", GOOD_JSON + '{"text": null, "label": "a"}\n'),
    ],
)
def test_an_unreadable_row_is_dropped_on_request_and_reported(tmp_path: Path, name: str, raw: str) -> None:
    (tmp_path / name).write_text(raw)
    data = zoo.load_data(tmp_path / name, broken="drop")
    assert sum(data.info.num_examples.values()) == 20
    assert data.info.report["parts"]["all"]["broken"] == 1
    (line,) = data.info.report["broken"]
    assert line.startswith(("Line 22 of ", "Line 21 of "))
    assert str(tmp_path / name) in line


def unlabelled(path: Path) -> list[str]:
    return [text for chunk, _ in stream_texts(path, DataArguments(), 2) for text in chunk]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.txt"])
def test_texts_to_predict_come_in_chunks_with_the_fraction_read(tmp_path: Path, name: str) -> None:
    texts = [f"text {number}" for number in range(5)]
    if name == "a.txt":
        (tmp_path / name).write_text("\n".join(texts))
    else:
        saved(tmp_path / name, texts, ["x", "y", "x", "y", "x"])
    chunks = list(stream_texts(tmp_path / name, DataArguments(), 2))
    assert chunks == [(texts[:2], 0.4), (texts[2:4], 0.8), (texts[4:], 1.0)]


@pytest.mark.parametrize(("name", "content"), [("a.txt", ""), ("a.csv", "text\n")])
def test_a_file_without_texts_to_predict_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match="no texts"):
        unlabelled(tmp_path / name)


def test_texts_to_predict_need_no_label_and_rows_without_one_stay_counted(tmp_path: Path) -> None:
    rows = [("id", "text"), (1, "one"), (2, ""), (3, 'th"r,ee')]
    (tmp_path / "a.csv").write_text(delimited(rows))
    (tmp_path / "a.tsv").write_text(delimited(rows, "\t"))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(dict(zip(rows[0], row, strict=True))) + "\n" for row in rows[1:]))
    pd.DataFrame(rows[1:], columns=rows[0]).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text('one\n\nth"r,ee\n')
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.txt"):
        assert unlabelled(tmp_path / name) == ["one", "", 'th"r,ee'], name
    (tmp_path / "alone.csv").write_text("first\nsecond\n")
    assert unlabelled(tmp_path / "alone.csv") == ["first", "second"]
    (tmp_path / "b.csv").write_text("a,b,c\n1,2,3\n")
    with pytest.raises(DataError, match=r"The text column is not known"):
        unlabelled(tmp_path / "b.csv")


def test_two_columns_of_numbers_are_not_texts(tmp_path):
    (tmp_path / "headless.csv").write_text("".join(f"{row},{row % 2}\n" for row in range(9)))
    with pytest.raises(DataError, match=r"The text column is not known.*numbers in column 1"):
        zoo.load_data(tmp_path / "headless.csv", task="text_classification")


def test_an_encoding_implies_that_a_table_contains_texts(tmp_path):
    rows = "".join(f"好的第{row}本书\tpos\n差的第{row}本书\tneg\n" for row in range(9))
    (tmp_path / "rows.tsv").write_text(rows, encoding="gb18030")
    assert zoo.load_data(tmp_path / "rows.tsv", encoding="gb18030").info.labels == ("neg", "pos")
