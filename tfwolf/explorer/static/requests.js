// Requests to the server; a refused one throws an Error whose message is for people.

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('The explorer does not answer. Is its terminal still open?');
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Error(`The explorer answered something that is no JSON (status ${response.status}).`);
  }
  if (!response.ok) throw new Error(body.error);
  return body;
}

export const getModel = () => answer('/api/model');

export const ask = (name, body) =>
  answer(`/api/${name}`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});

export const upload = (file) =>
  answer('/api/upload', {method: 'POST', headers: {'Content-Type': 'application/octet-stream'}, body: file});

// A message over the page until it is dismissed, or until something works again.
const message = document.getElementById('message');
message.querySelector('button').addEventListener('click', clearMessage);

export function showMessage(error) {
  message.querySelector('p').textContent = error.message;
  message.hidden = false;
}

export function clearMessage() {
  message.hidden = true;
}
