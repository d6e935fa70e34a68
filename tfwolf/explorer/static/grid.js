// The images between A and B on a grid of alpha and beta, with a marker that can be moved.
import {makeFrame, noteOnFinite, showPicture} from '/pictures.js';

const STEP = 0.05;

// Positions along a side of the grid, 0 to 1: as many as are computed quickly.
export function placesOf(model) {
  const most = model.latent_dim ? Math.floor(Math.sqrt(model.max_images)) : model.max_images;
  const count = Math.max(2, Math.min(model.image_shape[0] > 64 ? 5 : 7, most));
  return Array.from({length: count}, (_, index) => index / (count - 1));
}

export class Grid {
  // `move(alpha, beta)` is called with the position that the user selects; alpha is null without z.
  constructor(model, move) {
    this.frame = document.getElementById('grid');
    this.note = document.getElementById('grid-note');
    this.cells = this.frame.querySelector('.cells');
    this.marker = this.frame.querySelector('.marker');
    this.hasZ = model.latent_dim > 0;
    this.move = move;
    this.at = {alpha: 0.5, beta: 0.5};
    this.places = placesOf(model);
    this.frame.style.setProperty('--columns', this.places.length);
    const rows = this.hasZ ? this.places.length : 1;
    this.cells.replaceChildren(...Array.from({length: rows * this.places.length}, () => makeFrame('div')));
    this.frame.addEventListener('pointerdown', (event) => {
      this.frame.setPointerCapture(event.pointerId);
      this.point(event);
    });
    this.frame.addEventListener('pointermove', (event) => {
      if (this.frame.hasPointerCapture(event.pointerId)) this.point(event);
    });
    this.frame.addEventListener('keydown', (event) => this.press(event));
  }

  request() {
    return this.hasZ ? {alphas: this.places, betas: this.places} : {betas: this.places};
  }

  // Shows `images[alpha][beta]`: z changes from left to right, v from top to bottom; without z, v from left to right.
  show(images, finite) {
    const rows = this.hasZ ? this.places.map((_, beta) => images.map((column) => column[beta])) : images;
    const pictures = this.pictures();
    rows.flat().forEach((png, index) => showPicture(pictures[index], png));
    this.note.textContent = noteOnFinite(finite, 'image');
    this.marker.hidden = false;
  }

  pictures() {
    return [...this.cells.querySelectorAll('img')];
  }

  // Moves the marker to a position; 0 and 1 are the centers of the outer images.
  mark(alpha, beta) {
    this.at = {alpha, beta};
    const count = this.places.length;
    const percent = (place) => `${100 * (0.5 + place * (count - 1)) / count}%`;
    this.marker.style.left = percent(this.hasZ ? alpha : beta);
    this.marker.style.top = this.hasZ ? percent(beta) : '50%';
  }

  point(event) {
    const box = this.cells.getBoundingClientRect();
    const count = this.places.length;
    const place = (share) => Math.min(1, Math.max(0, (share * count - 0.5) / (count - 1)));
    const [x, y] = [place((event.clientX - box.left) / box.width), place((event.clientY - box.top) / box.height)];
    this.move(this.hasZ ? x : null, this.hasZ ? y : x);
  }

  press(event) {
    const step = {ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP]}[event.key];
    if (!step) return;
    event.preventDefault();
    const moved = (place, by) => Math.min(1, Math.max(0, Math.round((place + by) * 100) / 100));
    if (this.hasZ) this.move(moved(this.at.alpha, step[0]), moved(this.at.beta, step[1]));
    else this.move(null, moved(this.at.beta, step[0] + step[1]));
  }
}
