"""`flow`: seeded segmentation carried along dense optical flow; needs no weights at all."""

from napari_ivos.methods._protocol import MethodSpec

SPEC = MethodSpec(
    name="flow",
    title="Flow (no weights)",
    summary="Seeded segmentation of the annotated frame, carried along dense optical flow.",
    engine="napari_ivos.methods.flow.engine:create",
    strokes="law",
    reliability="forward–backward consistency of the optical flow",
)
