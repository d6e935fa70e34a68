"""Encodes images and decodes them again: `python tools/reconstruct.py --train_dir=runs/digits --num_images=8 --num_draws=6`."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # so that a clone that is not installed will do
from tfwolf import quiet  # noqa: E402  # isort: skip  (before anything that imports TensorFlow)

from absl import flags
import numpy as np

from tfwolf import chosen_images, command, tool
from tfwolf.evaluation.grids import captioned, image_grid, marked
from tfwolf.evaluation.reconstruction import reconstruct

NUM_IMAGES = flags.DEFINE_integer('num_images', 8, 'How many images, a column each.', lower_bound=1)
NUM_DRAWS = flags.DEFINE_integer('num_draws', 6, 'Draws of z from the posterior of each image; 0 for none.', lower_bound=0)


def main():
    """Runs the command."""
    run = tool.trained()
    num_draws = NUM_DRAWS.value
    if not NUM_DRAWS.present and (not run.model.latent.dim or run.model.latent.num_classes is not None):
        print('This model has no posterior of z to draw from: exact reconstructions alone.')
        num_draws = 0
    chosen = chosen_images.chosen_images(run, NUM_IMAGES.value)
    folder = tool.result_folder('reconstruct', run, {**chosen.details, 'num_draws': num_draws})
    found = reconstruct(tool.coder(run.model), chosen.images, num_draws, command.SEED.value, chosen.labels)
    rows = [chosen.images, found.exact, *(marked(found.draws[:, draw], found.finite[:, draw]) for draw in range(num_draws))]
    names = ['image', 'decoded', *(f'draw {draw + 1} of z' for draw in range(num_draws))]
    folder.picture('reconstructions', captioned(image_grid(np.concatenate(rows), columns=len(chosen.images)), names))
    result = {'num_images': len(chosen.images), 'num_exact': found.num_exact, 'max_pixel_error': found.max_pixel_error}
    print(f'{found.num_exact} of {len(chosen.images)} images come back exactly; largest error {found.max_pixel_error} of 255')
    if num_draws:
        difference = np.abs(found.draws.astype(int) - found.exact[:, np.newaxis])
        result.update(num_not_finite=int((~found.finite).sum()), mean_difference_of_draws=float(difference.mean()))
        print(f'Other draws of z change a colour value by {difference.mean():.2f} of 255 in the mean')
    folder.finish(result)


if __name__ == '__main__':
    command.run(main)
