"""IPNet: interaction and propagation networks that work on a window around the object."""

from napari_ivos.methods._protocol import MethodSpec

SPEC = MethodSpec(
    name="ipnet",
    title="IPNet (CVPR 2019)",
    summary="Two light networks on a window around each object; cost does not grow with the frame.",
    engine="napari_ivos.methods.ipnet.engine:create",
    strokes="hint",
    reliability="",
    paper="Oh, Lee, Xu, Kim: Fast User-Guided Video Object Segmentation by "
    "Interaction-and-Propagation Networks, CVPR 2019",
    licence="CC BY-NC-SA 4.0 (non-commercial)",
    weights="the authors' I_e290.pth and P_e290.pth (CC BY-NC-SA 4.0: no commercial use)",
    checkpoint="required",
    devices=("cpu", "cuda", "mps"),
    state_dict="napari_ivos.methods.ipnet.networks:shapes",
)
