/** A binary heap of (time, item): the earliest first, and of equal times the one that was put first. */
export class EventQueue {
  private times: number[] = [];
  private orders: number[] = [];
  private items: number[] = [];
  private puts = 0;

  get size(): number {
    return this.times.length;
  }

  /** Earliest time, Infinity when empty. */
  get nextTime(): number {
    return this.times.length === 0 ? Infinity : this.times[0];
  }

  put(time: number, item: number): void {
    let at = this.times.length;
    const order = this.puts++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.times[parent] <= time) break;
      this.move(parent, at);
      at = parent;
    }
    this.set(at, time, order, item);
  }

  /** Takes out the item with the earliest time. */
  take(): number {
    const first = this.items[0];
    const time = this.times.pop()!;
    const order = this.orders.pop()!;
    const item = this.items.pop()!;
    const size = this.times.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.isBefore(child + 1, this.times[child], this.orders[child])) child++;
      if (!this.isBefore(child, time, order)) break;
      this.move(child, at);
      at = child;
    }
    this.set(at, time, order, item);
    return first;
  }

  private isBefore(at: number, time: number, order: number): boolean {
    return this.times[at] < time || (this.times[at] === time && this.orders[at] < order);
  }

  private move(from: number, to: number): void {
    this.set(to, this.times[from], this.orders[from], this.items[from]);
  }

  private set(at: number, time: number, order: number, item: number): void {
    this.times[at] = time;
    this.orders[at] = order;
    this.items[at] = item;
  }
}
