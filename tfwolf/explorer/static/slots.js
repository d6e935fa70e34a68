// The images A and B: uploaded, dropped or selected from the samples, with their bits per dimension.
import {Latest} from '/latest.js';
import {ask, upload} from '/requests.js';
import {showPicture} from '/pictures.js';
import {savePicture} from '/save.js';

// Returns the name of a class, or its number if it has no name.
export function className(model, label) {
  return model.classes?.[label] ?? String(label);
}

// Returns a field for a class, or null for a model without classes.
export function classField(place, model) {
  if (!model.is_labelled) return null;
  const field = document.createElement(model.num_classes ? 'select' : 'input');
  if (model.num_classes) {
    for (let label = 0; label < model.num_classes; label++) field.add(new Option(className(model, label), String(label)));
  } else {
    Object.assign(field, {type: 'number', min: 0, value: 0});
  }
  place.append(field);
  return field;
}

export class Slot {
  constructor(side, model, changed) {
    this.card = document.querySelector(`.slot[data-side=${side}]`);
    this.side = side;
    this.model = model;
    this.changed = changed;
    this.png = null;
    this.picture = this.card.querySelector('.picture');
    this.note = this.card.querySelector('.note');
    this.bits = this.card.querySelector('.bits');
    this.label = classField(this.card.querySelector('.choice'), model);
    this.likelihood = new Latest((body) => ask('bits_per_dim', body), ({bits_per_dim: bits}) => {
      this.bits.textContent = bits === null ? 'not finite' : `${bits.toFixed(2)} bits/dim`;
    });
    this.label?.addEventListener('change', () => this.update());
    const input = this.card.querySelector('input[type=file]');
    input.addEventListener('change', () => {
      this.take(input.files[0]);
      input.value = '';
    });
    this.card.querySelector('.save').addEventListener('click', () => savePicture(this.picture, `wolf_${side}.png`));
    this.acceptDrops();
  }

  acceptDrops() {
    let depth = 0;
    const mark = (change) => {
      depth = change ? Math.max(0, depth + change) : 0;
      this.card.classList.toggle('over', depth > 0);
    };
    this.card.addEventListener('dragenter', (event) => { event.preventDefault(); mark(1); });
    this.card.addEventListener('dragleave', () => mark(-1));
    this.card.addEventListener('dragover', (event) => event.preventDefault());
    this.card.addEventListener('drop', (event) => {
      event.preventDefault();
      mark(0);
      const png = event.dataTransfer.getData('application/x-wolf-sample');
      if (png) this.set(png);
      else if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
      else this.refuse('Drop an image file here.');
    });
  }

  // Uploads a file, or shows why it is invalid.
  async take(file) {
    if (!file) return;
    if (file.size > this.model.upload_bytes) {
      const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0);
      this.refuse(`${file.name}: a file can have at most ${megabytes(this.model.upload_bytes)} MB; this one has ${megabytes(file.size)} MB.`);
      return;
    }
    try {
      const {image, from_size: [width, height]} = await upload(file);
      const [rows, columns] = this.model.image_shape;
      const fits = width === columns && height === rows;
      const cropped = width * rows !== height * columns ? 'cropped to its center and ' : '';
      this.set(image, fits ? file.name : `${file.name}: ${width} × ${height}, ${cropped}resized to ${columns} × ${rows}`);
    } catch (error) {
      this.refuse(`${file.name}: ${error.message}`);
    }
  }

  refuse(text) {
    this.note.textContent = text;
    this.note.classList.add('refused');
  }

  set(png, note = '', label = null) {
    this.png = png;
    showPicture(this.picture, png);
    this.note.textContent = note;
    this.note.classList.remove('refused');
    if (this.label && label !== null) this.label.value = label;
    this.update();
  }

  update() {
    if (!this.png) return;
    this.bits.textContent = '… bits/dim';
    this.likelihood.ask({image: this.png, ...(this.label && {label: Number(this.label.value)})});
    this.changed();
  }

  // The fields of this image in a request.
  fields() {
    return {[this.side]: this.png, ...(this.label && {[`label_${this.side}`]: Number(this.label.value)})};
  }
}
