"""What a person draws: the stroke, its pixels, its file format, and strokes made by a robot."""

from napari_ivos.scribbles.davis import read_davis, strokes_from_davis, to_davis, write_davis
from napari_ivos.scribbles.layers import strokes_from_labels, strokes_from_shapes
from napari_ivos.scribbles.raster import rasterise, rasterise_all
from napari_ivos.scribbles.stroke import Stroke, make_stroke, whole_number

__all__ = [
    "Stroke",
    "make_stroke",
    "rasterise",
    "rasterise_all",
    "read_davis",
    "strokes_from_davis",
    "strokes_from_labels",
    "strokes_from_shapes",
    "to_davis",
    "whole_number",
    "write_davis",
]
