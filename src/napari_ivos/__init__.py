"""Interactive video object segmentation: a few strokes, masks in every frame."""
__version__ = "0.1.0"
