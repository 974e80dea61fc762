"""``python -m napari_ivos`` is the command ``napari-ivos``."""

from napari_ivos.cli import main

if __name__ == "__main__":
    main()
