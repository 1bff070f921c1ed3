import gzip
import io

import polars as pl
import pytest
import zstandard

from labeltree.core.errors import DataError
from labeltree.readers import ReadOptions, read, table


def rows(dataset):
    return [
        sorted(dataset.labels.ids[c] for c in dataset.Y[[i]].indices) for i in range(len(dataset))
    ]


def write(folder, content, name="train.csv"):
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


# ---- CSV and TSV ---------------------------------------------------------------------------------


def test_csv_with_quotes(tmp_path):
    content = (
        "id,text,labels\n"
        '1,"a, ""quoted""\nsecond line",x|y z\n'
        "\n"
        '2,plain "inside" é,\n'
        '3,"  ",x\n'
        '4,"last","x|x"'
    )
    splits = read(write(tmp_path, content))
    assert splits.train.texts == ['a, "quoted"\nsecond line', 'plain "inside" é', "last"]
    assert rows(splits.train) == [["x", "y z"], [], ["x"]]
    assert splits.report.lines() == [
        "train: 1 blank line skipped, first at train.csv:4",
        "train: 1 empty text skipped, first at train.csv:6",
        "train: 1 document without labels kept, first at train.csv:5",
        "train: 1 label repeated within a document merged, first at train.csv:7",
    ]


def test_tsv_and_windows_line_ends(tmp_path):
    splits = read(write(tmp_path, b"\xef\xbb\xbflabel\ttext\r\na|b\tone, two\r\n", "train.tsv"))
    assert splits.train.texts == ["one, two"]
    assert rows(splits.train) == [["a", "b"]]


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_compressed(tmp_path, ending, pack):
    splits = read(write(tmp_path, pack(b"text,labels\nx,a\n"), f"train.csv{ending}"))
    assert rows(splits.train) == [["a"]]


def test_separators_and_delimiter_by_option(tmp_path):
    file = write(tmp_path, "t;c\nx;a, b|c\n")
    options = ReadOptions(text_field="t", labels_field="c", label_separator=", ", delimiter=";")
    assert rows(read(file, options=options).train) == [["a", "b|c"]]
    one = ReadOptions(text_field="t", labels_field="c", label_separator=None, delimiter=";")
    assert rows(read(file, options=one).train) == [["a, b|c"]]


def test_blanks_around_labels_are_kept(tmp_path):
    assert read(write(tmp_path, "text,labels\nx,a | b\n")).labels.ids == (" b", "a ")


def test_quotes_as_plain_text(tmp_path):
    file = write(tmp_path, 'text\tlabels\n"open\ta\nend"\tb\n', "train.tsv")
    assert read(file, options=ReadOptions(quotes=False)).train.texts == ['"open', 'end"']


def test_no_labels_column_wanted(tmp_path):
    train = read(write(tmp_path, "text\nx\n\ny\n"), options=ReadOptions(labels_field=None)).train
    assert train.texts == ["x", "y"]
    assert train.Y.shape == (2, 0)


def test_cells_longer_than_the_usual_limit(tmp_path):
    long = "word " * 100_000
    assert read(write(tmp_path, f'text,labels\n"{long}",a\n')).train.texts == [long]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("text,labels\nx,a\ny,b,c\n", 3, "Found 3 cells, the header has 2"),
        ('text,labels\n"x\n\n",a\ny\n', 5, "Found 1 cells, the header has 2"),
        ('text,labels\nx,a\n"y,b\nz,c\n', 3, "row that begins here"),
        ('text,labels\nx,a\n"y"y,b\n', 3, "row that begins here"),
        ("text,labels\nx,a||b\n", 2, "A label is empty"),
        ("text,labels\nx,a|\n", 2, "A label is empty"),
        ("text,cats\nx,a\n", 1, "no column 'labels'; found 'text', 'cats'"),
        ("body,labels\nx,a\n", 1, "no column 'text'"),
        ("text,labels,text\nx,a,y\n", 1, "more than one column 'text'"),
        (b"text,labels\nx,a\n\ncaf\xe9,b\n", 4, "Invalid UTF-8 at byte 4"),
    ],
)
def test_errors_name_the_line(tmp_path, content, line, message):
    file = write(tmp_path, content)
    with pytest.raises(DataError, match=message) as caught:
        read(file)
    assert (caught.value.file, caught.value.line) == (file, line)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "The file is empty"), ("\n\n", "is empty"), ("text,labels\n", "no doc")],
)
def test_nothing_in_it(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, content))


def test_cut_off_gzip(tmp_path):
    content = gzip.compress(b"text,labels\n" + b"some text,a\n" * 5000)
    with pytest.raises(DataError, match="damaged or cut off"):
        read(write(tmp_path, content[:-9], "train.csv.gz"))


# ---- label paths ---------------------------------------------------------------------------------

PATHS = ReadOptions(labels_field="path", path_separator=" > ")


def test_paths_make_a_hierarchy(tmp_path):
    content = "text,path\nt1,animal > cat\nt2,animal > dog > pug|plant\nt3,animal\n"
    splits = read(write(tmp_path, content), options=PATHS)
    assert splits.labels.ids == ("animal", "cat", "dog", "plant", "pug")
    assert rows(splits.train) == [["cat"], ["plant", "pug"], ["animal"]]
    hierarchy = splits.labels.hierarchy
    edges = {(hierarchy.ids[p], hierarchy.ids[c]) for p, c in hierarchy.edges.T}
    assert edges == {
        ("", "animal"),
        ("", "plant"),
        ("animal", "cat"),
        ("animal", "dog"),
        ("dog", "pug"),
    }
    assert splits.report.lines() == []


def test_repeated_names_become_full_paths(tmp_path):
    content = "text,path\nt1,animal > other\nt2,plant > other\nt3,plant > rose\nt4,other\n"
    splits = read(write(tmp_path, content), options=PATHS)
    assert splits.labels.ids == (
        "animal",
        "animal > other",
        "other",
        "plant",
        "plant > other",
        "rose",
    )
    assert rows(splits.train) == [["animal > other"], ["plant > other"], ["rose"], ["other"]]


def test_a_lone_root_is_absorbed(tmp_path):
    splits = read(write(tmp_path, "text,path\nx,Root > a > b\ny,Root > c\n"), options=PATHS)
    assert splits.labels.ids == ("a", "b", "c")
    assert rows(splits.train) == [["b"], ["c"]]


def test_test_paths_mean_the_node_at_their_place(tmp_path):
    write(tmp_path, "text,path\nx,animal > cat\ny,plant > rose\n")
    write(tmp_path, "text,path\nx,animal > cat\ny,tool > cat\nz,cat\nu,animal > fox\n", "test.csv")
    splits = read(tmp_path, options=PATHS)
    assert splits.labels.ids == ("animal", "cat", "plant", "rose")
    assert rows(splits.test) == [["cat"], ["tool > cat"], ["cat"], ["animal > fox"]]
    assert splits.test.n_universe == 4
    assert splits.report.count("outside_universe", "test") == 2


def test_paths_with_a_models_labels(tmp_path):
    train = write(tmp_path, "text,path\nx,Root > a > n\ny,Root > b > n\nz,Root > b > m\n")
    universe = read(train, options=PATHS).labels
    assert universe.ids == ("Root > a > n", "Root > b > n", "a", "b", "m")
    file = write(tmp_path, "text,path\nx,Root > b > n\ny,Root > b > m\nz,Root > a > m\n", "new.csv")
    test = read(file, labels=universe, part="test", options=PATHS).test
    assert rows(test) == [["Root > b > n"], ["m"], ["Root > a > m"]]


def test_paths_and_a_taxonomy_together(tmp_path):
    (tmp_path / "taxonomy.tsv").write_text("animal\tfox\n")
    splits = read(write(tmp_path, "text,path\nx,animal > cat\ny,tool\n"), options=PATHS)
    assert splits.labels.ids == ("animal", "cat", "fox", "tool")
    assert splits.report.count("not_in_taxonomy") == 0


def test_single_parts_only_make_no_hierarchy(tmp_path):
    assert read(write(tmp_path, "text,path\nx,a\ny,b\n"), options=PATHS).labels.hierarchy is None


def test_empty_parts_of_paths(tmp_path):
    with pytest.raises(DataError, match=r"train.csv:2: A part of the path 'a >  > b' is empty"):
        read(write(tmp_path, "text,path\nx,a >  > b\n"), options=PATHS)


# ---- Parquet -------------------------------------------------------------------------------------


def parquet(folder, name="train.parquet", **columns):
    file = folder / name
    pl.DataFrame(columns).write_parquet(file)
    return file


def test_parquet_list_column(tmp_path):
    file = parquet(tmp_path, text=["x", "y", "z"], labels=[["b", "a"], [], None], other=[1, 2, 3])
    splits = read(file)
    assert splits.train.texts == ["x", "y", "z"]
    assert rows(splits.train) == [["a", "b"], [], []]
    assert splits.report.findings[0].examples == ("train.parquet:2", "train.parquet:3")


def test_parquet_numbers(tmp_path):
    assert read(parquet(tmp_path, text=["x"], labels=[[10, 9]])).labels.ids == ("9", "10")
    assert read(parquet(tmp_path, text=["x", "y"], labels=[10, None])).labels.ids == ("10",)
    assert read(parquet(tmp_path, text=["x"], labels=[7.0])).labels.ids == ("7",)


def test_parquet_strings_are_cut_like_csv(tmp_path):
    file = parquet(tmp_path, text=["x", None, "z"], label=["a|b", "c", None])
    splits = read(file)
    assert rows(splits.train) == [["a", "b"], []]
    assert splits.report.findings[0].examples == ("train.parquet:2",)


def test_parquet_lists_are_not_cut(tmp_path):
    assert read(parquet(tmp_path, text=["x"], labels=[["a|b"]])).labels.ids == ("a|b",)


def test_parquet_categories(tmp_path):
    file = parquet(tmp_path, text=["x", "y"], labels=pl.Series(["a", "b"], dtype=pl.Categorical))
    assert rows(read(file).train) == [["a"], ["b"]]


def test_parquet_paths(tmp_path):
    file = parquet(tmp_path, text=["x"], path=[["a > b", "a > c"]])
    splits = read(file, options=PATHS)
    assert rows(splits.train) == [["b", "c"]]
    assert splits.labels.hierarchy.n_labels == 3


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_parquet_compressed_once_more(tmp_path, ending, pack):
    raw = io.BytesIO()
    pl.DataFrame({"text": ["x"], "labels": [["a"]]}).write_parquet(raw)
    file = write(tmp_path, pack(raw.getvalue()), f"train.parquet{ending}")
    assert rows(read(file).train) == [["a"]]
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(DataError, match="damaged or cut off"):
        read(file)


def test_parquet_in_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BATCH", 3)
    texts = [f"text {i}" for i in range(10)]
    train = read(parquet(tmp_path, text=texts, labels=[[f"l{i}"] for i in range(10)])).train
    assert train.texts == texts
    assert rows(train) == [[f"l{i}"] for i in range(10)]


def test_parquet_errors(tmp_path):
    with pytest.raises(DataError, match="no column 'labels'; found 'text', 'cats'"):
        read(parquet(tmp_path, text=["x"], cats=["a"]))
    with pytest.raises(DataError, match="Column 'text' holds Int64, not strings"):
        read(parquet(tmp_path, text=[1], labels=["a"]))
    with pytest.raises(DataError, match="Column 'labels' holds Boolean"):
        read(parquet(tmp_path, text=["x"], labels=[True]))
    with pytest.raises(DataError, match=r"train.parquet:2: A label is null"):
        read(parquet(tmp_path, text=["x", "y"], labels=[["a"], ["b", None]]))
    with pytest.raises(DataError, match="no documents"):
        read(
            parquet(
                tmp_path, text=pl.Series([], dtype=pl.String), labels=pl.Series([], dtype=pl.String)
            )
        )
    file = parquet(tmp_path, text=["x"], labels=["a"])
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(DataError, match="damaged or cut off"):
        read(file)
    file.write_bytes(b"")
    with pytest.raises(DataError, match="damaged or cut off"):
        read(file)
