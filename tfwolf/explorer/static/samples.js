// Samples of the model, which can be selected as A or B.
import {Latest} from '/latest.js';
import {ask, showMessage} from '/requests.js';
import {makeFrame, noteOnFinite, showPicture} from '/pictures.js';
import {saveTogether} from '/save.js';
import {className, classField} from '/slots.js';

const byId = (id) => document.getElementById(id);

export class Samples {
  // `choose(png, label)` is called with a sample that the user clicks.
  constructor(model, choose) {
    this.gallery = byId('gallery');
    this.note = byId('samples-note');
    this.choose = choose;
    this.model = model;
    this.label = classField(byId('sample-class'), model);
    this.count = byId('count');
    this.count.max = model.max_images;
    this.count.value = Math.min(24, model.max_images);
    this.latest = new Latest((body) => ask('sample', body), ({images, finite}, body) => this.show(images, finite, body.label ?? null));
    this.resize(Number(this.count.value));
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
      showMessage(new Error(`${name} must be an integer from ${field.min}${field.max && ` to ${field.max}`}.`));
      return Promise.resolve();
    }
    return this.latest.ask({
      count: Number(this.count.value), seed: Number(byId('seed').value), temperature_v: Number(byId('temperature-v').value),
      ...(this.model.has_temperature_z && {temperature_z: Number(byId('temperature-z').value)}),
      ...(this.label && {label: Number(this.label.value)}),
    });
  }

  show(images, finite, label) {
    this.resize(images.length);
    images.forEach((png, index) => {
      const button = this.gallery.children[index];
      const isFinite = finite?.[index] ?? true;
      button.png = png;
      button.classLabel = label;
      // A cross cannot be selected.
      button.disabled = !isFinite;
      button.draggable = isFinite;
      const ofClass = label === null ? '' : `, class ${className(this.model, label)}`;
      button.title = ofClass.slice(2);
      button.setAttribute('aria-label', `Sample ${index + 1}${ofClass}${isFinite ? '' : ', not finite'}`);
      showPicture(button.firstChild, png);
    });
    const note = noteOnFinite(finite, 'sample');
    this.note.textContent = note && `${note} A lower temperature can help.`;
  }

  resize(count) {
    while (this.gallery.children.length > count) this.gallery.lastChild.remove();
    while (this.gallery.children.length < count) this.gallery.append(this.makeButton());
  }

  makeButton() {
    const button = makeFrame('button');
    Object.assign(button, {type: 'button', disabled: true});
    button.setAttribute('aria-label', 'Sample, loading');
    button.addEventListener('click', () => this.choose(button.png, button.classLabel));
    button.addEventListener('dragstart', (event) => event.dataTransfer.setData('application/x-wolf-sample', button.png));
    return button;
  }

  // The first two valid samples, the initial A and B.
  first() {
    return [...this.gallery.children].filter((button) => !button.disabled).slice(0, 2).map((button) => [button.png, button.classLabel]);
  }
}
