// Sends one request at a time. Of the requests made in the meantime, only the last one is sent.
import {clearMessage, showMessage} from '/requests.js';

export class Latest {
  // `send(value)` returns a promise; `show(answer, value)` is called with its result.
  constructor(send, show) {
    this.send = send;
    this.show = show;
    this.busy = false;
    this.waiting = null;
  }

  async ask(value) {
    this.waiting = {value};
    if (this.busy) return;
    this.busy = true;
    while (this.waiting) {
      const next = this.waiting.value;
      this.waiting = null;
      try {
        this.show(await this.send(next), next);
        clearMessage();
      } catch (error) {
        showMessage(error);
      }
    }
    this.busy = false;
  }
}
