import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_ivos.errors import StrokeError
from napari_ivos.scribbles import (
    make_stroke,
    read_davis,
    strokes_from_davis,
    to_davis,
    write_davis,
)

SIZE = (480, 854)


def scribbles(**changes):
    scribble = {"path": [[0.5, 0.25], [1, 1]], "object_id": 2, "start_time": 3, "end_time": 9}
    return {"sequence": "camel", "scribbles": [[], [scribble | changes]]}


def test_points_become_y_times_height_and_x_times_width():
    (stroke,) = strokes_from_davis(scribbles(), SIZE, 2)
    assert (stroke.frame, stroke.object_id, stroke.radius) == (1, 2, None)
    np.testing.assert_allclose(stroke.path, [[120, 427], [480, 854]])


@given(
    st.lists(
        st.builds(
            make_stroke,
            st.integers(0, 4),
            st.integers(0, 65_534),
            st.lists(st.tuples(st.floats(0, 480), st.floats(0, 854)), min_size=1, max_size=5),
            st.none() | st.floats(0.5, 30),
        ),
        max_size=5,
    )
)
def test_round_trip(strokes):
    davis = json.loads(json.dumps(to_davis(strokes, SIZE, 5, "camel")))
    back = strokes_from_davis(davis, SIZE, 5)
    assert len(davis["scribbles"]) == 5
    for one, other in zip(sorted(strokes, key=lambda s: s.frame), back, strict=True):
        assert (one.frame, one.object_id, one.radius) == (
            other.frame,
            other.object_id,
            other.radius,
        )
        np.testing.assert_allclose(one.path, other.path, atol=1e-9)


def test_areas_and_points_outside_survive():
    stroke = make_stroke(0, 1, [[-5, 10], [40, 900], [500, 10]], filled=True)
    (back,) = strokes_from_davis(to_davis([stroke], SIZE, 1), SIZE, 1)
    assert back.filled
    np.testing.assert_allclose(back.path, [[0, 10], [40, 854], [480, 10]])


@pytest.mark.parametrize(
    ("davis", "says"),
    [
        ({}, "no list 'scribbles'"),
        ({"scribbles": "abc"}, "no list 'scribbles'"),
        ({"scribbles": [3]}, "frame 0 are not a list"),
        ({"scribbles": [["x"]]}, "no path"),
        ({"scribbles": [[{"object_id": 1}]]}, "no path"),
        (scribbles(object_id="1"), "object_id '1'"),
        (scribbles(object_id=True), "object_id True"),
        (scribbles(object_id=-1), "object_id -1"),
        (scribbles(object_id=70_000), "object_id 70000"),
        (scribbles(path=[]), "shape"),
        (scribbles(path=[[0.5]]), "shape"),
        (scribbles(path=[[0.5, "a"]]), "not an array"),
        (scribbles(path=[[0.5, 1.5]]), "outside of 0–1"),
        (scribbles(path=[[0.5, float("nan")]]), "finite"),
        (scribbles(radius="wide"), "radius"),
    ],
)
def test_malformed_scribbles(davis, says):
    with pytest.raises(StrokeError, match=says):
        strokes_from_davis(davis, SIZE, 2)


def test_scribbles_beyond_the_end():
    with pytest.raises(StrokeError, match="mark frame 1, but the video ends at frame 0"):
        strokes_from_davis(scribbles(), SIZE, 1)
    assert strokes_from_davis({"scribbles": [[], [], []]}, SIZE, 1) == []


def test_ids_may_be_numpys():
    given = scribbles(object_id=np.int64(3))
    assert {stroke.object_id for stroke in strokes_from_davis(given, SIZE, 2)} >= {3}


def test_files(tmp_path):
    file = tmp_path / "s.json"
    write_davis(file, scribbles())
    assert read_davis(file) == scribbles()
    assert [item.name for item in tmp_path.iterdir()] == ["s.json"]
    file.write_text("[1, 2]")
    with pytest.raises(StrokeError, match="holds no scribbles"):
        read_davis(file)
    file.write_text("{nonsense")
    with pytest.raises(StrokeError, match="not valid JSON"):
        read_davis(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StrokeError, match="not valid JSON"):
        read_davis(file)
    file.write_text("[" * 100_000)
    with pytest.raises(StrokeError, match="not valid JSON"):
        read_davis(file)
    with pytest.raises(StrokeError, match="Cannot read"):
        read_davis(tmp_path / "missing.json")
    with pytest.raises(StrokeError, match="Cannot write"):
        write_davis(tmp_path / "no" / "s.json", scribbles())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_as_windows_programs_save_them(tmp_path, encoding):
    file = tmp_path / "strokes.json"
    file.write_text(json.dumps(scribbles(), ensure_ascii=False), encoding=encoding)
    assert read_davis(file) == scribbles()


@pytest.mark.parametrize(
    "changes", [{"path": [[10**400, 0.5]]}, {"radius": 10**400}, {"radius": -1}]
)
def test_absurd_numbers_are_refused(changes):
    with pytest.raises(StrokeError, match="frame 1"):
        strokes_from_davis(scribbles(**changes), SIZE, 2)
