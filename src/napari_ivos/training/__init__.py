"""How the weights of `lite` were made; `python -m napari_ivos.training --help` says how."""
