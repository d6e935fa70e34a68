// Samples of the model, which are also the pictures to choose A and B from.
import {Latest} from '/latest.js';
import {ask, showMessage} from '/requests.js';
import {saveTogether, source} from '/save.js';
import {classField} from '/slots.js';

const byId = (id) => document.getElementById(id);

export class Samples {
  // `choose(png, label)` is called with a sample that was clicked.
  constructor(model, choose) {
    this.gallery = byId('gallery');
    this.choose = choose;
    this.model = model;
    this.label = classField(byId('sample-class'), model);
    this.count = byId('count');
    this.count.max = model.max_images;
    this.count.value = Math.min(24, model.max_images);
    this.latest = new Latest((body) => ask('sample', body), ({images}, body) => this.show(images, body.label ?? null));
    for (const slider of document.querySelectorAll('#sampling input[type=range]')) slider.addEventListener('input', () => this.draw());
    for (const field of [this.count, byId('seed'), ...(this.label ? [this.label] : [])]) field.addEventListener('change', () => this.draw());
    byId('sampling').addEventListener('submit', (event) => {
      event.preventDefault();
      byId('seed').value = Math.floor(Math.random() * 1e6);
      this.draw();
    });
    byId('save-samples').addEventListener('click', () => saveTogether([...this.gallery.querySelectorAll('img')], 8, 'wolf_samples.png'));
  }

  draw() {
    for (const slider of document.querySelectorAll('#sampling input[type=range]')) {
      slider.parentElement.querySelector('output').value = Number(slider.value).toFixed(2);
    }
    for (const [name, field] of [['Images', this.count], ['Seed', byId('seed')], ...(this.label ? [['Class', this.label]] : [])]) {
      if (field.value !== '' && field.checkValidity()) continue;
      showMessage(new Error(`${name} must be a whole number from ${field.min}${field.max && ` to ${field.max}`}.`));
      return Promise.resolve();
    }
    return this.latest.ask({
      count: Number(this.count.value), seed: Number(byId('seed').value), temperature_v: Number(byId('temperature-v').value),
      ...(this.model.has_temperature_z && {temperature_z: Number(byId('temperature-z').value)}),
      ...(this.label && {label: Number(this.label.value)}),
    });
  }

  show(images, label) {
    while (this.gallery.children.length > images.length) this.gallery.lastChild.remove();
    while (this.gallery.children.length < images.length) this.gallery.append(this.makeButton());
    images.forEach((png, index) => {
      const button = this.gallery.children[index];
      button.png = png;
      button.classLabel = label;
      button.setAttribute('aria-label', `Sample ${index + 1}`);
      button.firstChild.src = source(png);
    });
  }

  makeButton() {
    const button = document.createElement('button');
    button.type = 'button';
    button.draggable = true;
    const image = document.createElement('img');
    Object.assign(image, {className: 'picture', alt: '', draggable: false});
    button.append(image);
    button.addEventListener('click', () => this.choose(button.png, button.classLabel));
    button.addEventListener('dragstart', (event) => event.dataTransfer.setData('application/x-wolf-sample', button.png));
    return button;
  }

  // The first two, to begin with.
  first() {
    return [...this.gallery.children].slice(0, 2).map((button) => [button.png, button.classLabel]);
  }
}
