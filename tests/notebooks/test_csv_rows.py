"""Rows are cut where the standard library reads them, and every byte stays."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.notebooks import csv_rows
from pipelines.notebooks.csv_rows import CannotCutError
from pipelines.values import tables
from pipelines.values.tables import form_of


def cut(path: Path, content: bytes, key: str = "id") -> csv_rows.Rows:
    path.write_bytes(content)
    return csv_rows.index(path, key, form_of(path))


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_a_row_may_hold_line_ends_and_commas_between_quotes(
    tmp_path: Path, end: bytes, last: bool
) -> None:
    rows = [b'a,"x, ""y""' + end + b'z",1.50', b"b,,", b'"c",NA,007']
    content = end.join([b"id,text,n", *rows]) + end * last
    found = cut(tmp_path / "t.csv", content)
    assert found.names == ["id", "text", "n"]
    assert found.keys == ["a", "b", "c"]
    assert list(found.lines(np.array([2, 0]))) == [rows[2] + end, rows[0] + end]
    cells = list(found.cells(np.arange(3)))
    assert [b",".join(row) for row in cells] == rows
    assert {len(row) for row in cells} == {3}
    assert list(found.joined(cells)) == [row + end for row in rows]


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    found = cut(tmp_path / "t.csv", b"id,n\n\na,1\n\n\nb,2\n\n")
    assert list(found.lines(np.arange(2))) == [b"a,1\n", b"b,2\n"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_names_and_keys_are_read_in_the_files_encoding(tmp_path: Path, encoding: str) -> None:
    found = cut(tmp_path / "t.csv", "번호,값\n가,방\n나,2\n".encode(encoding), "번호")
    assert (found.names, found.keys, found.form.encoding) == (
        ["번호", "값"],
        ["가", "나"],
        encoding,
    )
    assert next(found.lines(np.array([0]))).decode(encoding.removesuffix("-sig")) == "가,방\n"


@pytest.mark.parametrize(
    "content",
    [b'id,n\na,"1\nb,2\n', b'id,n\na,"1"x\n', b"id,id\na,b\n", b'"id\n",n\na,1\n', b"n,m\n1,2\n"],
)
def test_what_cannot_be_cut_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CannotCutError):
        cut(tmp_path / "t.csv", content)


def test_a_quote_within_a_cell_is_a_character(tmp_path: Path) -> None:
    found = cut(tmp_path / "t.csv", b'id,n\na,5" pipe\nb,6\n')
    assert list(found.lines(np.arange(2))) == [b'a,5" pipe\n', b"b,6\n"]
    with pytest.raises(CannotCutError):  # of two such cells the comma between them is not known
        list(cut(tmp_path / "t.csv", b'id,n,m\na,5",6"\n').cells(np.array([0])))


def test_positions_are_those_of_pandas(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(list('ab,"\n '), size=6)) for _ in range(200)]
    table = pd.DataFrame({"id": [f"r{i}" for i in range(200)], "t": texts, "n": range(200)})
    table.to_csv(tmp_path / "t.csv", index=False)
    found = csv_rows.index(tmp_path / "t.csv", "id", form_of(tmp_path / "t.csv"))
    assert found.keys == table["id"].tolist()
    assert [int(row[2]) for row in found.cells(np.arange(200))] == table["n"].tolist()


def test_a_row_without_a_cell_is_no_row(tmp_path: Path) -> None:
    """Or where ids only count rows, those behind it would be shown under the targets of others."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'x,y\r\n1,a\r\n,\r\n"",\r\n2,\r\n,b\r\n, \r\n')
    cells, _ = tables.read_cells(path)
    assert cells["x"].tolist() == ["1", "2", ""]
    assert len(tables.read_csv(path)) == 3
    assert csv_rows.index(path, None, tables.Form()).keys == ["1", "2", ""]
