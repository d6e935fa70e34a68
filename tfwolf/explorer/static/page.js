// Connects the parts of the page.
import {Grid} from '/grid.js';
import {Latest} from '/latest.js';
import {ask, getModel, showMessage} from '/requests.js';
import {noteOnFinite, showPicture} from '/pictures.js';
import {savePicture, saveTogether} from '/save.js';
import {Samples} from '/samples.js';
import {Slot} from '/slots.js';

const byId = (id) => document.getElementById(id);
// Enlarged images of at most this size have visible pixels.
const PIXELATED_UP_TO = 128;

function describe(model) {
  const [height, width, channels] = model.image_shape;
  const facts = [`${width} × ${height}, ${channels === 1 ? 'grey' : 'color'}`, model.latent_dim ? `z of ${model.latent_dim}` : 'no z',
    ...(model.num_bits ? [`${model.num_bits} bits`] : []), ...(model.num_classes ? [`${model.num_classes} classes`] : []), model.title];
  byId('facts').replaceChildren(...facts.map((fact) => Object.assign(document.createElement('li'), {textContent: fact})));
  document.body.style.setProperty('--shape', `${width} / ${height}`);
  document.body.classList.toggle('pixelated', height <= PIXELATED_UP_TO);
  const has = {z: model.latent_dim > 0, 'no-z': !model.latent_dim, labels: model.is_labelled,
    temperature: model.has_temperature_z};
  for (const element of document.querySelectorAll('[data-needs]')) element.hidden = !has[element.dataset.needs];
  document.body.classList.toggle('without-z', !model.latent_dim);
  document.body.classList.add('ready');
}

function start(model) {
  describe(model);
  const [alpha, beta] = [byId('alpha'), byId('beta')];
  const live = new Latest((body) => ask('interpolate', body), ({images, finite}) => {
    showPicture(byId('live'), images[0][0]);
    byId('live-note').textContent = noteOnFinite(finite, 'image');
    byId('waiting').hidden = true;
  });
  const between = new Latest((body) => ask('interpolate', body), ({images, finite}) => {
    grid.show(images, finite);
    if (!model.latent_dim) return;
    // Two corners of the grid: alpha 0 and beta 1, alpha 1 and beta 0.
    showPicture(byId('z_of_a_v_of_b'), images[0].at(-1));
    showPicture(byId('z_of_b_v_of_a'), images.at(-1)[0]);
  });
  const both = () => ({...slots.a.fields(), ...slots.b.fields()});

  function follow() {
    byId('alpha-value').value = Number(alpha.value).toFixed(2);
    byId('beta-value').value = Number(beta.value).toFixed(2);
    grid.mark(Number(alpha.value), Number(beta.value));
    if (!slots.a.png || !slots.b.png) return null;
    return live.ask({...both(), ...(model.latent_dim && {alphas: [Number(alpha.value)]}), betas: [Number(beta.value)]});
  }

  async function changed() {
    if (!slots.a.png || !slots.b.png) return;
    // The large image first, then the grid.
    await follow();
    between.ask({...both(), ...grid.request()});
  }

  const grid = new Grid(model, (toAlpha, toBeta) => {
    if (toAlpha !== null) alpha.value = toAlpha;
    beta.value = toBeta;
    follow();
  });
  const slots = {a: new Slot('a', model, changed), b: new Slot('b', model, changed)};
  const samples = new Samples(model, (png, label) => slots[document.querySelector('input[name=target]:checked').value].set(png, '', label));

  for (const slider of [alpha, beta]) slider.addEventListener('input', follow);
  byId('save-live').addEventListener('click', () => savePicture(byId('live'), `wolf_${alpha.value}_${beta.value}.png`));
  byId('save-grid').addEventListener('click', () => saveTogether(grid.pictures(), grid.places.length, 'wolf_grid.png'));
  for (const figure of document.querySelectorAll('.switches figure')) {
    const image = figure.querySelector('img');
    figure.querySelector('.save').addEventListener('click', () => savePicture(image, `wolf_${image.id}.png`));
  }
  // Without this, a file that is dropped next to a card would replace the page.
  for (const name of ['dragover', 'drop']) window.addEventListener(name, (event) => event.preventDefault());

  follow();
  samples.draw().then(() => {
    const [a, b] = samples.first();
    byId('waiting').hidden ||= !a;
    if (!a || slots.a.png) return;
    slots.a.set(a[0], '', a[1]);
    slots.b.set((b ?? a)[0], '', (b ?? a)[1]);
  });
}

try {
  start(await getModel());
} catch (error) {
  showMessage(error);
}
