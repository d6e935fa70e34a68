// Saves images as files.

export function savePicture(image, name) {
  if (!image.src) return;
  const link = document.createElement('a');
  link.href = image.src;
  link.download = name;
  link.click();
}

// Saves images, each at its own size, as one image with `columns` of them side by side.
export function saveTogether(images, columns, name) {
  if (!images.length || images.some((image) => !image.src)) return;
  const {naturalWidth: width, naturalHeight: height} = images[0];
  const gap = 1;
  const canvas = document.createElement('canvas');
  canvas.width = columns * (width + gap) - gap;
  canvas.height = Math.ceil(images.length / columns) * (height + gap) - gap;
  const context = canvas.getContext('2d');
  images.forEach((image, index) =>
    context.drawImage(image, (index % columns) * (width + gap), Math.floor(index / columns) * (height + gap)));
  savePicture({src: canvas.toDataURL('image/png')}, name);
}
