// Sends one request at a time; of what is asked for meanwhile only the last is sent next.
import {clearMessage, showMessage} from '/requests.js';

export class Latest {
  // `send(value)` returns a promise; `show(answer, value)` is called with what it answers.
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
