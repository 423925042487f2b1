"""CSV in the encodings that arrive, idx files whole and damaged."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipelines.plumbing.errors import UserError
from pipelines.values.tables import Form, form_of, read_cells, read_csv, read_idx


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def idx_bytes(values: np.ndarray) -> bytes:
    header = bytes([0, 0, 0x08, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.tobytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_csv_reads_the_same_in_each_encoding(csv: Path, encoding: str) -> None:
    csv.write_bytes("번호,리뷰\n1,뷁 똠방각하 재미있다\n2,별로\n".encode(encoding))
    table = read_csv(csv)
    assert list(table.columns) == ["번호", "리뷰"]
    assert table["리뷰"].tolist() == ["뷁 똠방각하 재미있다", "별로"]


def test_ids_and_labels_keep_their_spelling(csv: Path) -> None:
    csv.write_text("id,label,x\n007,1.0,1.0\n08,2,2\n", encoding="utf-8")
    table = read_csv(csv, ["id", "label"])
    assert table["id"].tolist() == ["007", "08"]
    assert table["label"].tolist() == ["1.0", "2"]
    assert table["x"].tolist() == [1, 2]


@given(texts=st.lists(st.text(st.characters(categories=["L", "Nd"]), min_size=3), min_size=1))
def test_text_survives_utf8(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_text("\n".join(["text", *(f"x{text}" for text in texts)]), encoding="utf-8")
    assert read_csv(path, ["text"])["text"].tolist() == [f"x{text}" for text in texts]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "must hold a header and rows and is empty: download it again"),
        (b"\n\n", "is empty: download it again"),
        (
            b'id,text\n1,a\n2,"open\n3,b\n',
            r"closes every quote, found .* of line 3 .*`quotes: none`",
        ),
        (b'id,text\n1,a\n2,"open\n3,5 inch"\n4,b', r"found .* line 3.*`quotes: none`"),
        (b'id,text,x\n1,a,2\n2,"open,3\n3,5 inch",4\n', r"found .* line 3.*`quotes: standard`"),
        (b'id,text\n1,"say \\"hi, you\\""\n', r"found .* of line 2 .*`quotes: backslash`"),
        (
            b"PK\x03\x04\x00\x00\x00\x00\x00\x00",
            "found zero bytes, as of a spreadsheet .* write it as CSV",
        ),
        (b"id,x\n1,\x81\xff\n", "bytes are none of these: set `encoding:`"),
        (b"\xef\xbb\xbfid,x\n1,\xff\n", "must be text in one encoding .*set `encoding:`"),
        (b"id,x\n1,2,3\n4,5,6\n", "as many cells in each row as in its header.*`delimiter:`"),
        (b"id,x\n1,2\n4,5,6\n", r"must be a CSV \(.*line 3, saw 3\): download it again"),
    ],
)
def test_what_is_no_csv_is_refused(csv: Path, content: bytes, says: str) -> None:
    csv.write_bytes(content)
    with pytest.raises(UserError, match=says):
        read_csv(csv)


WINDOWS = ["Mary’s", "don’t stop", "café £100", "it’s fine – really", "naïve Ünïcödé", "12 °C"]


@pytest.mark.parametrize("text", WINDOWS)
def test_windows_1252_is_not_taken_for_korean(csv: Path, text: str) -> None:
    csv.write_bytes(f"id,text\n1,{text}\n".encode("cp1252"))
    assert form_of(csv).encoding == "cp1252"
    assert read_csv(csv)["text"].tolist() == [text]


@pytest.mark.parametrize(
    "text", ["가", "서울특별시 강남구", "똠방각하 재미있다", "漢字와 한글 둘 다"]
)
def test_korean_is_not_taken_for_windows_1252(csv: Path, text: str) -> None:
    csv.write_bytes(f"id,text\n1,{text}\n".encode("cp949"))
    assert form_of(csv).encoding == "cp949"
    assert read_csv(csv)["text"].tolist() == [text]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_seen(csv: Path, encoding: str) -> None:
    csv.write_bytes("id,text\n1,가나다\n".encode(encoding))
    assert form_of(csv).encoding == encoding
    assert read_csv(csv)["text"].tolist() == ["가나다"]


def test_an_encoding_that_is_given_counts(csv: Path) -> None:
    csv.write_bytes("id,text\n1,ｱｲｳ\n".encode("shift_jis"))
    assert read_csv(csv, form=form_of(csv, "shift_jis"))["text"].tolist() == ["ｱｲｳ"]


@pytest.mark.parametrize("delimiter", list(",\t;|"))
def test_the_delimiter_is_seen_in_the_header(csv: Path, delimiter: str) -> None:
    csv.write_text(
        delimiter.join(["id", "x"]) + "\n" + delimiter.join(["1", "2"]), encoding="utf-8"
    )
    assert read_csv(csv).to_dict("list") == {"id": [1], "x": [2]}
    assert read_cells(csv)[1] == Form(delimiter=delimiter)


def test_quotes_mean_what_the_competition_says(csv: Path) -> None:
    csv.write_bytes(b'id,x\n1,"open\n2,5" disk\n')
    assert read_csv(csv, form=form_of(csv, quotes="none"))["x"].tolist() == ['"open', '5" disk']
    csv.write_bytes(b'id,x\n1,"say \\"hi, you\\" now"\n')
    assert read_csv(csv, form=form_of(csv, quotes="backslash"))["x"].tolist() == [
        'say "hi, you" now'
    ]


def test_quoted_texts_may_hold_quotes_lines_and_much(csv: Path) -> None:
    texts = ['he said "hi", ok\nnew line', "it's\\\"x\t", "x" * 200_000, "a\nb, c, d\n"]
    csv.write_text(
        pd.DataFrame({"id": [1, 2, 3, 4], "x": texts}).to_csv(index=False), encoding="utf-8"
    )
    assert read_csv(csv)["x"].tolist() == texts


def test_a_cell_that_looks_like_a_row_can_be_declared_right(csv: Path) -> None:
    csv.write_bytes(b'id,x\n1,"a\n2,b"\n')
    with pytest.raises(UserError, match="`quotes: standard`"):
        read_csv(csv)
    assert read_csv(csv, form=form_of(csv, quotes="standard"))["x"].tolist() == ["a\n2,b"]


def test_a_comma_at_the_end_of_each_row_moves_no_column(csv: Path) -> None:
    csv.write_bytes(b"id,x\n1,2,\n4,5,\n")
    assert read_csv(csv).to_dict("list") == {"id": [1, 4], "x": [2, 5]}


def test_ids_and_labels_keep_their_spelling_and_only_an_empty_cell_is_missing(csv: Path) -> None:
    csv.write_bytes(b"id,y,x\nNA,None,1\n01,1.0,NA\nnan,,3\n")
    table = read_csv(csv, ["id", "y"])
    assert table["id"].tolist() == ["NA", "01", "nan"]
    assert table["y"].tolist()[:2] == ["None", "1.0"]
    assert table.isna().sum().to_dict() == {"id": 0, "y": 1, "x": 1}


def test_a_missing_csv_names_the_command(csv: Path) -> None:
    with pytest.raises(UserError, match="was not found: run `dvc repro`"):
        read_csv(csv)


@given(values=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=1, max_dims=3, max_side=6)))
def test_idx_gives_back_what_was_written(
    values: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("idx") / "v.gz"
    path.write_bytes(gzip.compress(idx_bytes(values)))
    np.testing.assert_array_equal(read_idx(path), values)


def test_every_cut_of_an_idx_file_is_noticed(tmp_path: Path) -> None:
    whole = gzip.compress(idx_bytes(np.arange(60, dtype=np.uint8).reshape(5, 4, 3)))
    path = tmp_path / "v.gz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"download it again|check `files:`"):
            read_idx(path)


def test_a_damaged_byte_never_gives_other_values(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (40, 3), dtype=np.uint8)
    whole = gzip.compress(idx_bytes(values))
    path = tmp_path / "v.gz"
    refused = 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        try:
            found = read_idx(path)
        except UserError:
            refused += 1
        else:  # a byte of gzip's own header, such as the time
            np.testing.assert_array_equal(found, values)
    assert refused > len(whole) * 0.8


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            b"\x00\x00\x0d\x01" + struct.pack(">I", 1) + b"\0" * 4,
            "unsigned bytes and is not: check",
        ),
        (b"PNG\x01aaaaaaaa", "must be an idx file of unsigned bytes and is not: check `files:`"),
        (b"\x00\x00", "must be an idx file"),
        (b"\x00\x00\x08\x03" + b"\0" * 4, "header of 16 bytes and ends in it: download it again"),
        (idx_bytes(np.zeros((3, 2), np.uint8))[:-1], "must hold 3 × 2 bytes, found 5: download"),
        (b"\x00\x00\x08\x04" + b"\x00\x01\x00\x00" * 4, "must hold 65536 × .* found 0: download"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "must hold 4294967295 × .* found 0: download"),
    ],
)
def test_what_is_no_idx_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "v.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(UserError, match=says):
        read_idx(path)


def test_idx_must_be_there_and_gzipped(tmp_path: Path) -> None:
    path = tmp_path / "v.gz"
    with pytest.raises(UserError, match="was not found: run `dvc repro`"):
        read_idx(path)
    path.write_bytes(idx_bytes(np.zeros(3, np.uint8)))
    with pytest.raises(UserError, match=r"must be a whole gzip file .*: download it again"):
        read_idx(path)


def test_a_mark_that_stands_in_one_header_cell_alone_is_no_delimiter(csv: Path) -> None:
    csv.write_text("id\tnum,x\tcat\n1\t0.5\ta\n2\t0.7\tb\n", encoding="utf-8")
    assert form_of(csv).delimiter == "\t"
    csv.write_text('id;"a,b";c\n1;0,5;x\n2;0,7;y\n', encoding="utf-8")
    assert form_of(csv) == Form(delimiter=";", decimal=",")
    csv.write_text('id,text\n1,"a;b\n2;c"\n2,"d"\n', encoding="utf-8")
    assert form_of(csv).delimiter == ","


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("id\tnum,x\tcat\n1\t2\ta\n", "\t"),
        ("id\tnum,x\tcat\n1\t2,5\ta\n2\t3,5\tb\n", "\t"),
        ("id;a, b\n1;2\n", ";"),
        ("id,a|b|c\n1,2|3|4\n", ","),
        ('id,"a;b;c"\n1,"2;3;4"\n', ","),
        ("id,text\n1,two\n2,three, four\n", ","),
        ('id,"a\nb"\n1,2\n', ","),
    ],
)
def test_a_mark_within_a_header_delimits_nothing(tmp_path: Path, text: str, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert form_of(path).delimiter == delimiter
