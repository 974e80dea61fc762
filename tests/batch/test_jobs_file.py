import pytest

from napari_ivos.batch import SegmentJob, read_jobs
from napari_ivos.errors import IvosError


@pytest.fixture
def write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "jobs.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_a_line_is_a_job(write, tmp_path):
    path = write(
        "video,strokes,out,channels,method,project\n"
        'in/a.tif,../a.json,/data/a.tif,"0,2",gis,work\n'
        "\n"
        "b.mp4,b.json,b,,,\n"
    )
    first, second = read_jobs(path)
    assert (first.line, second.line) == (2, 4)
    assert first.job.video == tmp_path / "in" / "a.tif"
    assert first.job.strokes == tmp_path.parent / "a.json"
    assert str(first.job.out) == "/data/a.tif"
    assert first.job.channels == (0, 2)
    assert first.job.method == "gis"
    assert first.job.project == tmp_path / "work"
    plain = SegmentJob(tmp_path / "b.mp4", tmp_path / "b.json", tmp_path / "b")
    assert second.job == plain


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write(write, separator):
    cells = [["Video", "strokes", "out", "axes"], ["ä b.tif", "b.json", "c", "TYX"]]
    text = "\r\n".join(separator.join(row) for row in cells) + "\r\n"
    [entry] = read_jobs(write(text, "utf-8-sig"))
    assert entry.job.video.name == "ä b.tif"
    assert entry.job.axes == "TYX"


def test_masks_may_stand_in_place_of_strokes(write, tmp_path):
    [masks, both] = read_jobs(
        write("video,masks,out,masks_frame,strokes\na,m.tif,o.tif,7,\nb,m.tif,p.tif,,s.json\n")
    )
    assert (masks.job.masks, masks.job.masks_frame) == (tmp_path / "m.tif", 7)
    assert masks.job.strokes is None
    assert (both.job.masks_frame, both.job.strokes) == (0, tmp_path / "s.json")


HEAD = "video,strokes,out,channels,direction,project\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "is empty"),
        (HEAD, "holds no jobs"),
        ("video,strokes\na,b\n", "no column 'out'"),
        ("video,out\na,b\n", "Line 2 of 'jobs.csv': There are neither strokes nor masks"),
        ("video,masks,out\na,m,m/b.tif\n", "The masks would be written into the input"),
        ("video,masks,out,masks_frame\na,b,c,x\n", "The frame 'x' is no number"),
        ("video,strokes,out,colour\na,b,c,d\n", "column 'colour'"),
        ("video,strokes,out,out\na,b,c,d\n", "two columns 'out'"),
        (f"{HEAD}a,b,c\n", "Line 2 of 'jobs.csv': There are 3 cells for 6 columns"),
        (f"{HEAD}a,b,c,0,2,both,\n", "double quotes"),
        (f"{HEAD}a,b,,,,\n", "Line 2 of 'jobs.csv': There is no out"),
        (f"{HEAD}a,b,c,red,,\n", "Line 2 of 'jobs.csv': The channels 'red'"),
        (f"{HEAD}a,b,c,,up,\n", "no direction 'up'. Choose one of: both, forward"),
        (f"{HEAD}a,b,c,,,\nd,e,x/../c,,,\n", "Line 3 of 'jobs.csv': Line 2 writes to"),
        (f"{HEAD}a,b,c,,,p\nd,e,f,,,p\n", "Line 3 of 'jobs.csv': Line 2 writes to"),
        (f"{HEAD}a,b,c,,,\nd,e,a,,,\n", "Line 3 of 'jobs.csv': The masks would be written into"),
        (f"{HEAD}a,b,a/c.tif,,,\n", "Line 2 of 'jobs.csv': The masks would be written into"),
        (f'{HEAD}"a,b,c\n', "no CSV file"),
        (f"{HEAD}a\0,b,c,,,\n", "no CSV file"),
    ],
)
def test_a_bad_table_gets_one_sentence(write, text, word):
    with pytest.raises(IvosError) as caught:
        read_jobs(write(text))
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\0v", b"video,strokes,out\n\xe4,b,c\n"])
def test_another_encoding_gets_a_sentence(tmp_path, content):
    (tmp_path / "jobs.csv").write_bytes(content)
    with pytest.raises(IvosError, match="CSV UTF-8"):
        read_jobs(tmp_path / "jobs.csv")


def test_a_missing_or_huge_table_gets_a_sentence(tmp_path):
    with pytest.raises(IvosError, match=r"jobs\.csv' cannot be read"):
        read_jobs(tmp_path / "jobs.csv")
    with (tmp_path / "jobs.csv").open("wb") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(IvosError, match="larger than 16 MiB"):
        read_jobs(tmp_path / "jobs.csv")
