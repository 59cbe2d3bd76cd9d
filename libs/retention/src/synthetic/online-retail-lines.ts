import { writeInteger } from '../records/integer-text.ts';
import type { LineWriter } from './line-writer.ts';
import { writeText, writeTrimmed } from './line-writer.ts';
import { RetailInvoices } from './retail-invoices.ts';
import type { Invoice } from './retail-invoices.ts';
import { SeededRandom } from './seeded-random.ts';

const COMMA = 44;
const NEWLINE = 10;
const PRODUCTS = 3_900;
const FIRST_INVOICE = 536_365;
const FIRST_CUSTOMER = 12_346;
const LOOKS = ['RED', 'BLUE', 'SMALL', 'LARGE', 'VINTAGE', 'STRIPED', 'WOODEN', 'GLASS', 'PAPER', 'FLORAL', 'ENAMEL', 'KNITTED', 'CREAM', 'SILVER'];
const THINGS = ['LANTERN', 'TEAPOT', 'BASKET', 'CUSHION', 'CANDLE', 'PLATE', 'CLOCK', 'GARLAND', 'DOORSTOP', 'APRON', 'FRAME', 'TRAY', 'KEYRING'];
const USES = ['FOR THE KITCHEN', 'WITH RIBBON', 'SET OF 6', 'IN A BOX', 'HANGING', 'PICNIC', 'GIFT', 'GARDEN', 'PARTY', 'RETRO', 'CHRISTMAS'];
const COUNTRIES = ['Germany', 'France', 'EIRE', 'Spain', 'Netherlands', 'Norway', 'Portugal'];

interface Product {
  readonly code: string;
  readonly description: string;
  /** Thousandths of a pound. */
  readonly price: number;
  readonly usualQuantity: number;
}

/**
 * Invoice lines of a shop over one year, sorted by time, in the format of the UCI Online Retail file with ISO times. The invoices are
 * simulated twice: once to count, so that exactly the wanted rows fall on the whole time, once to write.
 */
export class OnlineRetailLines implements LineWriter {
  readonly header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n';
  readonly lineBytesAtMost = 200;
  private readonly random: SeededRandom;
  private readonly products: readonly Product[];
  private readonly countries: readonly string[];
  private readonly invoices: RetailInvoices;
  private readonly rows: number;
  private readonly totalWeight: number;
  private weight = 0;
  private assigned = 0;
  private invoiceNumber = FIRST_INVOICE;
  private linesLeft = 0;
  private invoice: Invoice | undefined;
  private timeText = '';

  constructor(seed: number, rows: number, startMs: number, durationMs: number) {
    this.rows = rows;
    this.random = new SeededRandom(seed, 2);
    const counted = new RetailInvoices(seed, rows, startMs / 1000, durationMs / 1000);
    let total = 0;
    for (let invoice = counted.next(); invoice !== undefined; invoice = counted.next()) total += invoice.weight;
    this.totalWeight = total;
    this.invoices = new RetailInvoices(seed, rows, startMs / 1000, durationMs / 1000);
    const traits = new SeededRandom(seed, 3);
    this.products = Array.from({ length: PRODUCTS }, () => newProduct(traits));
    this.countries = Array.from({ length: 1009 }, () => (traits.chance(0.9) ? 'United Kingdom' : COUNTRIES[traits.below(COUNTRIES.length)]));
  }

  write(target: Uint8Array, start: number): number {
    while (this.linesLeft === 0) {
      if (!this.nextInvoice()) return -1;
    }
    this.linesLeft--;
    const { random } = this;
    const { customer, cancels } = this.invoice!;
    const draw = random.uniform();
    const product = this.products[Math.floor(PRODUCTS * draw * draw)];
    const scale = customer < 0 ? 1 : 1 + (customer % 7) / 3;
    const quantity = Math.max(1, Math.round(product.usualQuantity * scale * (0.3 + random.exponential(0.8))));
    let position = start;
    if (cancels) target[position++] = 67;
    position = writeInteger(this.invoiceNumber, target, position);
    target[position++] = COMMA;
    position = writeText(product.code, target, position);
    target[position++] = COMMA;
    if (!random.chance(0.003)) position = writeText(product.description, target, position);
    target[position++] = COMMA;
    position = writeInteger(cancels ? -Math.ceil(quantity / 4) : quantity, target, position);
    target[position++] = COMMA;
    position = writeText(this.timeText, target, position);
    target[position++] = COMMA;
    position = writeTrimmed(product.price, 3, target, position);
    target[position++] = COMMA;
    if (customer >= 0) {
      position = writeInteger(FIRST_CUSTOMER + customer, target, position);
      position = writeText('.0', target, position);
    }
    target[position++] = COMMA;
    position = writeText(customer < 0 ? 'United Kingdom' : this.countries[customer % this.countries.length], target, position);
    target[position++] = NEWLINE;
    return position;
  }

  /** Moves to the next invoice; its lines are what its weight adds to the share of all rows due by now. False at the end. */
  private nextInvoice(): boolean {
    this.invoice = this.invoices.next();
    if (this.invoice === undefined) {
      // Rounding may leave the last row over; without any invoice there is nobody to give rows to.
      return false;
    }
    this.weight += this.invoice.weight;
    const due = this.weight >= this.totalWeight ? this.rows : Math.floor((this.rows * this.weight) / this.totalWeight);
    this.linesLeft = due - this.assigned;
    this.assigned = due;
    if (this.linesLeft > 0) {
      this.invoiceNumber++;
      this.timeText = new Date(this.invoice.timeS * 1000).toISOString().slice(0, 19).replace('T', ' ');
    }
    return true;
  }
}

function newProduct(random: SeededRandom): Product {
  const look = LOOKS[random.below(LOOKS.length)];
  const thing = THINGS[random.below(THINGS.length)];
  const use = USES[random.below(USES.length)];
  const form = random.uniform();
  let description = `${look} ${thing} ${use}`;
  if (form < 0.05) description = `"${thing}, ${look} ${use}"`;
  else if (form < 0.08) description = `"${look} ${thing} ${5 + random.below(9)}"" ${use}"`;
  else if (form < 0.09) description = `"${thing} ""${use}"", ${look}"`;
  const letter = random.chance(0.2) ? String.fromCharCode(65 + random.below(5)) : '';
  const pence = Math.max(19, Math.round(210 * Math.exp(0.9 * random.normal())));
  // A few prices have thousandths, as in the real file.
  const price = random.chance(0.01) ? pence * 10 + 1 + random.below(9) : pence * 10;
  return { code: `${20_000 + random.below(65_000)}${letter}`, description, price, usualQuantity: 1 + Math.floor(random.exponential(7)) };
}
