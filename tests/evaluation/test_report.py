import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_ivos.errors import ExportError, IvosError
from napari_ivos.evaluation import Protocol, evaluate, open_dataset, summarise
from napari_ivos.evaluation.pictures import Curve, _ticks, plot, worst_case
from napari_ivos.evaluation.rows import COLUMNS, Row, read_rows, write_rows
from napari_ivos.evaluation.sample import Worst

GOLDEN = Path(__file__).parent / "golden"


def row(name, scribble, round_number, object_id, quality, seconds):
    return Row(name, scribble, round_number, object_id, 0, quality, quality, quality, seconds)


# --- the framework's own report and summary ----------------------------------------------------


def test_the_frameworks_report_is_written_as_it_writes_it(tmp_path):
    rows = read_rows(GOLDEN / "davis_report.csv")
    write_rows(tmp_path / "again.csv", rows)
    assert (tmp_path / "again.csv").read_bytes() == (GOLDEN / "davis_report.csv").read_bytes()


def test_its_summary_comes_out():
    expected = json.loads((GOLDEN / "davis_summary.json").read_text())
    found = summarise(read_rows(GOLDEN / "davis_report.csv"), "J_AND_F")
    assert list(found) == list(expected)
    assert found["auc"] == pytest.approx(expected["auc"], abs=1e-12)
    assert found["metric_at_threshold"] == pytest.approx(expected["metric_at_threshold"])
    for name in ("time", "J_AND_F"):
        assert found["curve"][name] == pytest.approx(expected["curve"][name], abs=1e-12)


def test_quality_is_averaged_over_objects_and_time_over_samples():
    rows = [
        row("one", 1, 1, 1, 0.4, 10.0),
        row("two", 1, 1, 1, 0.6, 40.0),
        row("two", 1, 1, 2, 0.8, 40.0),
    ]
    found = summarise(rows, "J", rounds=1, time_limit=100.0)
    # Two samples, three objects: 1.5 objects a sequence.
    assert found["curve"] == {
        "time": [0, 25, 150],
        "J": [0, pytest.approx(0.6), pytest.approx(0.6)],
    }
    assert found["auc"] == pytest.approx((0.3 * 25 + 0.6 * 125) / 150)
    assert found["metric_at_threshold"] == {"threshold": 60, "J": pytest.approx(0.6)}


def test_the_metric_at_the_threshold_lies_on_the_line_between_rounds():
    rows = [row("one", 1, 1, 1, 0.4, 40.0), row("one", 1, 2, 1, 0.8, 40.0)]
    at = summarise(rows, "F")["metric_at_threshold"]
    assert at["F"] == pytest.approx(0.6)


def test_a_sample_that_ended_early_keeps_its_last_value_at_no_cost():
    rows = [row("one", 1, 1, 1, 0.4, 8.0), row("two", 1, 1, 1, 0.2, 8.0)]
    rows.append(row("two", 1, 2, 1, 0.6, 8.0))
    curve = summarise(rows, "J", rounds=3)["curve"]
    assert curve["time"] == [0, 8, 12, 12, 24]
    assert curve["J"] == pytest.approx([0, 0.3, 0.5, 0.5, 0.5])


def test_an_empty_report_gets_a_sentence():
    with pytest.raises(IvosError, match="no rows"):
        summarise([], "J")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", ",".join(COLUMNS) + "\nx,y\n", "\x00"])
def test_a_file_that_is_no_report_gets_a_sentence(tmp_path, content):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(IvosError, match="not a report"):
        read_rows(tmp_path / "x.csv")


# --- the whole folder --------------------------------------------------------------------------


class Page(HTMLParser):
    """Takes a page apart."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_report_has_table_summary_curves_and_page(davis, tmp_path):
    folder = tmp_path / "report"
    told = []
    summary = evaluate(
        open_dataset(davis),
        Protocol(rounds=2),
        folder,
        title="flow on <made>",
        progress=lambda sample, done, of: told.append((sample.sequence, sample.number, done, of)),
    )
    assert told == [("blob", 1, 1, 3), ("blob", 2, 2, 3), ("pair", 1, 3, 3)]
    rows = read_rows(folder / "report.csv")
    assert len(rows) == 2 * (5 + 5 + 2 * 6)
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert summary == summarise(rows, "J_AND_F", 2)
    assert list(summary["curve"]) == ["time", "J_AND_F"]
    assert len(summary["curve"]["time"]) == 4
    assert 0.5 < summary["auc"] < summary["curve"]["J_AND_F"][-1] <= 1
    # The last of the lines lies on top.
    for name, colour in (("curve_time.png", (31, 119, 180)), ("curve_rounds.png", (44, 160, 44))):
        picture = np.asarray(Image.open(folder / name))
        assert (picture == colour).all(-1).sum() > 300
    page = Page((folder / "index.html").read_text())
    assert page.open == []
    assert "flow on <made>" in page.words
    assert sum(image.startswith("data:image/jpeg;base64,") for image in page.images) == 3
    assert all((folder / image).is_file() for image in page.images if "data:" not in image)
    text = " ".join(page.words)
    assert f"AUC of J_AND_F {summary['auc']:.4f}" in text
    assert not list(folder.rglob("*.part*"))


def test_a_folder_with_other_files_stays_as_it_is(davis, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="holds other files"):
        evaluate(open_dataset(davis), Protocol(rounds=1), tmp_path)
    assert not (tmp_path / "samples").exists()


def test_curves_are_drawn_to_scale():
    picture = np.asarray(plot([Curve("J", [0, 50, 100], [0.5, 0.5, 0.5])], "seconds", "J"))
    blue = (picture == (31, 119, 180)).all(-1)[:, :500]
    rows, columns = np.nonzero(blue)
    assert abs(np.median(rows) - 230) <= 2
    assert columns.min() <= 82


@pytest.mark.parametrize(
    ("end", "ticks"),
    [
        (8, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (3, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        (226, [0, 50, 100, 150, 200]),
        (0.07, [0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07]),
    ],
)
def test_ticks_are_round_numbers(end, ticks):
    assert _ticks(end) == ticks


def test_the_worst_case_shows_truth_and_result_side_by_side():
    truth = np.zeros((40, 60), np.uint16)
    truth[10:30, 10:30] = 1
    picture = worst_case(
        Worst(0, 0.0, np.full((40, 60, 3), 100, np.uint8), truth, np.zeros_like(truth))
    )
    pixels = np.asarray(picture).astype(int)
    red = pixels[..., 0] - pixels[..., 1] > 40
    assert red[:, :60].sum() > 200
    assert red[:, 62:].sum() == 0


def test_large_frames_and_ids_beyond_the_palette_make_a_picture():
    labels = np.zeros((900, 2000), np.uint16)
    labels[100:800, 100:900] = 300
    frame = np.zeros((900, 2000, 3), np.uint8)
    picture = worst_case(Worst(0, 0.0, frame, labels, labels))
    assert max(picture.size) <= 1280
