"""The images of every source, their order and their splits never change.

Published results belong to the data with these SHA-256. Runs of earlier versions keep their rules.
"""

import numpy as np
import pytest
from PIL import Image

from tfwolf.data.data_record import EARLIER_RULES, RULES, DataRecord
from tfwolf.data.fingerprint import data_fingerprint
from tfwolf.data.sources import DataSource

# For train, validation and test: the number of images, the first 32 digits of the SHA-256, and the
# first five labels.
EXPECTED = {
    'digits': [
        (1293, '09e521223ffc73ea522bd0239e6b8b14', [2, 8, 2, 6, 6]),
        (144, 'c91bdb95032cb66dc1bf7307d65eaa58', [3, 2, 8, 5, 0]),
        (360, 'f6f89297b4eddd3aaddf35a46a4c6345', [7, 9, 4, 7, 0]),
    ],
    'synthetic': [
        (49, '62cb553f866e3ce8cc000ba36c87c379', [2, 6, 4, 8, 4]),
        (5, 'f0eba1ac5c7812a1c29d51d060de0ed8', [9, 1, 7, 6, 2]),
        (6, '2c8bf671cfbd9d964bfb47987c4eaa95', [7, 3, 7, 5, 9]),
    ],
    'synthetic, grey': [
        (403, '6adf1a1374d3c58bd0e790b5e194851c', [0, 5, 6, 7, 1]),
        (7, '7d74f29e9063922da086108979649c23', [3, 2, 5, 3, 9]),
        (102, 'fc1bc97b9aba3c81da93c28f60fd63ac', [1, 7, 6, 6, 0]),
    ],
    'npz': [
        (49, 'e9a6b3cda3c419eb39898c3ccc245cd3', [2, 2, 0, 2, 2]),
        (5, 'dc76d63d9f1cb1112d6fa0fc6a73e5d6', [1, 1, 1, 0, 0]),
        (6, '560de3f3f871dc776a11b95dd44166ab', [3, 1, 3, 1, 1]),
    ],
    'folder': [
        (49, '4e13a6a8567d5b25716f625116be6470', [1, 1, 0, 0, 1]),
        (5, 'e34232b9ef00ebfc72ebdc92a4bb0cd9', [1, 0, 0, 0, 1]),
        (6, 'e9f497d3d7fa19c388264f3066b18cb7', [0, 1, 0, 1, 0]),
    ],
    'folder, fitted': [
        (40, '1cda252f647d2e5b5ee9a6c509d9f595', [1, 1, 0, 0, 1]),
        (9, '258b1e0f7b9e17b4f2f8efe6f3328bc1', [1, 1, 1, 0, 1]),
        (11, '00043bd13d400e9e366e32a5e175afd8', [1, 0, 0, 0, 1]),
    ],
}
# Where new runs hold out other images.
NEW = {
    'npz': [
        (43, 'eeb2d515b5e017ab3a3ac44b223b976d', [1, 0, 1, 1, 3]),
        (8, '6317d524855f2ee611920756414ff2ef', [3, 1, 2, 2, 0]),
        (9, 'f2d5119bd51d027aca69d1a6417aba88', [2, 3, 1, 2, 0]),
    ],
    'folder': [
        (47, '0fc8ab5fe1a2868e6487c6b2caf0f87c', [0, 0, 0, 1, 1]),
        (5, '7ff8b7693bc541c83d2f3893e061cce7', [1, 1, 0, 1, 1]),
        (8, '3c6dfd391f17d761b6e1920889dd152c', [1, 1, 1, 0, 1]),
    ],
    'folder, fitted': [
        (40, '00b19e88a08a580182557ded2dd1480a', [0, 0, 1, 1, 0]),
        (9, '19cec56782f269d431b535d4632e81b6', [0, 1, 1, 0, 0]),
        (11, '534c73da12329ca9116e3f65062e86f0', [1, 1, 1, 1, 0]),
    ],
}
OPTIONS = {
    'synthetic': {'image_size': (6, 4), 'num_examples': 60},
    'synthetic, grey': {
        'image_size': [16, 16],
        'channels': 1,
        'validation_size': 7,
        'test_size': 0.2,
    },
    'folder, fitted': {'image_size': (4, 4), 'channels': 1, 'validation_size': 9, 'test_size': 11},
}


@pytest.fixture(scope='module')
def location(tmp_path_factory):
    """Return an archive of 60 images of four classes and a folder of them in two classes."""
    folder = tmp_path_factory.mktemp('images')
    images = np.random.default_rng(0).integers(0, 256, (60, 6, 8, 3), dtype=np.uint8)
    np.savez(folder / 'images.npz', images=images, labels=np.arange(60) % 4)
    for number, image in enumerate(images):
        path = folder / 'files' / 'ab'[number % 2] / f'{number:03}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return {'npz': f':{folder}/images.npz', 'folder': f':{folder}/files'}


def found_in(case, location, rules):
    scheme = case.partition(',')[0]
    source = DataSource(scheme + location.get(scheme, ''), OPTIONS.get(case, {}))
    dataset = source.load(record=DataRecord(rules))
    return [
        (
            split.num_examples,
            data_fingerprint(split)[:32],
            split.load(np.arange(min(5, split.num_examples)))['label'].numpy().tolist(),
        )
        for split in (dataset.train, dataset.validation, dataset.test)
    ]


@pytest.mark.parametrize('case', EXPECTED)
def test_images_and_splits_are_those_of_the_first_version(case, location):
    assert found_in(case, location, EARLIER_RULES) == EXPECTED[case]


@pytest.mark.parametrize('case', EXPECTED)
def test_new_runs_hold_out_by_name_or_content(case, location):
    assert found_in(case, location, RULES) == {**EXPECTED, **NEW}[case]
