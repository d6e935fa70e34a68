// Images on the page: a placeholder until there is one, and notes about those that are not finite.

export const source = (png) => `data:image/png;base64,${png}`;

// Shows an image in its frame instead of the placeholder.
export function showPicture(image, png) {
  image.src = source(png);
  image.hidden = false;
  image.parentElement.classList.remove('empty');
}

// Returns an image in a new frame, a placeholder at first; `tag` is that of the frame.
export function makeFrame(tag, alt = '') {
  const frame = document.createElement(tag);
  frame.className = 'frame empty';
  const image = document.createElement('img');
  Object.assign(image, {className: 'picture', alt, draggable: false, hidden: true});
  frame.append(image);
  return frame;
}

// Returns a note on images that are not finite, or '' if all are. `finite` is a list of booleans, in
// which lists may be nested, or null if the model does not report it.
export function noteOnFinite(finite, what) {
  const all = (finite ?? []).flat();
  const bad = all.filter((good) => !good).length;
  if (!bad) return '';
  return all.length === 1 ? `This ${what} is not finite.` : `${bad} of ${all.length} ${what}s are not finite and crossed out.`;
}
