// Requests to the server. An error has a message that can be shown.

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('The explorer does not answer. Check that it is still running in its terminal.');
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Error(`The answer of the explorer is not JSON (status ${response.status}).`);
  }
  if (!response.ok) throw new Error(body.error);
  return body;
}

export const getModel = () => answer('/api/model');

export const ask = (name, body) =>
  answer(`/api/${name}`, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});

export const upload = (file) =>
  answer('/api/upload', {method: 'POST', headers: {'Content-Type': 'application/octet-stream'}, body: file});

// A message above the page until it is dismissed or a request succeeds.
const message = document.getElementById('message');
message.querySelector('button').addEventListener('click', clearMessage);

export function showMessage(error) {
  message.querySelector('p').textContent = error.message;
  message.hidden = false;
}

export function clearMessage() {
  message.hidden = true;
}
