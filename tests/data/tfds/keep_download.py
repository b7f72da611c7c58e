"""Puts an archive where TensorFlow Datasets keeps what it downloaded: `python keep_download.py FILE URL NAME DATA_DIR`.

What it finds there it does not fetch again, nor compare with what it expects.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import resource


def main(file: str, url: str, name: str, data_dir: str) -> None:
    expected = tfds.builder_cls(name).url_infos[url]
    wanted = resource.Resource(url=url)
    folder = Path(data_dir) / "downloads" / name / wanted.relative_download_dir
    folder.mkdir(parents=True)
    path = folder / resource.get_dl_fname(url, expected.checksum)
    shutil.copyfile(file, path)
    resource.write_info_file(url=url, path=path, dataset_name=name, original_fname=Path(file).name, url_info=expected)


if __name__ == "__main__":
    main(*sys.argv[1:])
