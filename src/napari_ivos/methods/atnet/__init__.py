"""ATNet: interactive segmentation with global and local transfer of annotations."""

from napari_ivos.methods._protocol import MethodSpec

SPEC = MethodSpec(
    name="atnet",
    title="ATNet (ECCV 2020)",
    summary="Global transfer from all annotated frames, local transfer from the neighbour.",
    engine="napari_ivos.methods.atnet.engine:create",
    strokes="hint",
    reliability="",
    paper="Heo, Koh, Kim: Interactive Video Object Segmentation Using Global and Local Transfer "
    "Modules, ECCV 2020",
    licence="MIT",
    weights="the authors' ATNet-checkpoint.pth (MIT)",
    checkpoint="required",
    devices=("cpu", "cuda", "mps"),
    span_proportion=0.99,
    state_dict="napari_ivos.methods.atnet.network:shapes",
)
