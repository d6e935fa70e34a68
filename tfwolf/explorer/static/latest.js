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
    if (this.busy) {
      this.waiting = {value};
      return;
    }
    this.busy = true;
    try {
      this.show(await this.send(value), value);
      clearMessage();
    } catch (error) {
      showMessage(error);
    }
    this.busy = false;
    const next = this.waiting;
    this.waiting = null;
    if (next) await this.ask(next.value);
  }
}
