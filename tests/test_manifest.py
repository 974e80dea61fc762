from pathlib import Path

from npe2 import PluginManifest

import napari_ivos

PACKAGE = Path(napari_ivos.__file__).parent


def test_the_manifest_is_valid_and_what_it_names_is_there():
    manifest = PluginManifest.from_distribution("napari-ivos")
    manifest.validate_imports()
    assert manifest.display_name == "Interactive VOS"
    contributions = manifest.contributions
    assert [w.display_name for w in contributions.widgets] == ["Interactive VOS", "User study"]
    assert {s.key for s in contributions.sample_data} == {"cells", "natural"}
    used = [
        item.command
        for kind in ("widgets", "readers", "writers", "sample_data")
        for item in getattr(contributions, kind)
    ]
    assert set(used) == {command.id for command in contributions.commands}


def test_only_media_files_and_projects_are_claimed():
    contributions = PluginManifest.from_distribution("napari-ivos").contributions
    reader, projects = contributions.readers
    assert set(projects.filename_patterns) == {"*.ivos", "*.ivos/"}
    # Pictures and stacks are napari's own business.
    assert not {"*.tif", "*.tiff", "*.png", "*.jpg", "*"} & set(reader.filename_patterns)
    assert {"*.mp4", "*.mov", "*.avi", "*.mkv", "*.gif", "*.webm"} <= set(reader.filename_patterns)
    assert not reader.accepts_directories


def test_the_link_in_the_source_tree_is_the_packages_manifest():
    link = Path(__file__).parent.parent / "napari.yaml"
    assert link.is_symlink()
    assert link.resolve() == (PACKAGE / "napari.yaml").resolve()
