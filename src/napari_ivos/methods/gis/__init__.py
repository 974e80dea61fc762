"""GIS-RAmap: guided interactive segmentation with reliability-based attention."""

from napari_ivos.methods._protocol import MethodSpec

SPEC = MethodSpec(
    name="gis",
    title="GIS-RAmap (CVPR 2021)",
    summary="Reliability-based attention to the annotated frames; says which frame to fix next.",
    engine="napari_ivos.methods.gis.engine:create",
    strokes="hint",
    reliability="how well the annotated frames' features agree with the frame's own (R-attention)",
    paper="Heo, Koh, Kim: Guided Interactive Video Object Segmentation Using Reliability-Based "
    "Attention Maps, CVPR 2021",
    licence="MIT",
    weights="the authors' GIS-ckpt_standard.pth or GIS-ckpt_wo_YTIVOStrainset.pth (MIT)",
    checkpoint="required",
    devices=("cpu", "cuda", "mps"),
    span_proportion=0.99,
    state_dict="napari_ivos.methods.gis.network:shapes",
)
