/** A replay that was not begun because file, source or options do not fit; nothing was put on the log. */
export class ReplayRefused extends Error {
  readonly reason: 'file-changed' | 'wrong-layout' | 'wrong-option' | 'file-unreadable';

  constructor(reason: ReplayRefused['reason'], message: string) {
    super(message);
    this.name = 'ReplayRefused';
    this.reason = reason;
  }
}
