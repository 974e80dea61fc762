"""`lite`: what `flow` does, decided again by a compact network that ships with the package."""

from napari_ivos.methods._protocol import MethodSpec

SPEC = MethodSpec(
    name="lite",
    title="Lite (embedded)",
    summary="Flow, looks and a compact network trained by this project; works without a download.",
    engine="napari_ivos.methods.lite.engine:create",
    strokes="law",
    reliability="the overlap with the truth that the network expects",
    weights="embedded, with the encoder of EfficientNet-Lite0 (Apache-2.0)",
    checkpoint="embedded",
    devices=("cpu", "cuda", "mps"),
)
