import { HttpException } from '@nestjs/common';
import { isPlatformError } from '#tideline/platform';

/** One mistake in a request: `pointer` is a JSON pointer into the body (RFC 6901), or `?name` for a query parameter. */
export interface FieldProblem {
  readonly pointer: string;
  readonly detail: string;
}

/** An RFC 9457 problem document; further members may stand beside these. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly [member: string]: unknown;
}

export const PROBLEM_JSON = 'application/problem+json; charset=utf-8';

/** An answer other than success that a handler decided on; becomes the problem document of the response. */
export class Problem extends Error {
  readonly document: ProblemDocument;

  constructor(status: number, slug: string, title: string, detail: string, members: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.name = 'Problem';
    this.document = { type: `urn:tideline:problem:${slug}`, title, status, detail, ...members };
  }
}

/** A 400 that names the fields at fault. */
export function invalidRequest(errors: readonly FieldProblem[]): Problem {
  const first = errors[0];
  const detail = first === undefined ? 'the request does not fit' : `${first.pointer === '' ? 'body' : first.pointer}: ${first.detail}`;
  return new Problem(400, 'invalid-request', 'The request does not fit', detail, { errors });
}

interface ValidationError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly data?: unknown;
}

/** Turns ajv's errors into field problems that say what was expected and what was found. */
function describeValidation(errors: readonly ValidationError[], context: string): FieldProblem[] {
  return errors.map((error) => {
    const extra = error.params['additionalProperty'] ?? error.params['missingProperty'];
    const path = context === 'querystring' ? error.instancePath.replace(/^\//, '?') : error.instancePath;
    const pointer = typeof extra === 'string' ? `${path}/${escapePointer(extra)}` : path;
    if (error.keyword === 'additionalProperties') return { pointer, detail: 'expected no such member here' };
    if (error.keyword === 'required') return { pointer, detail: 'expected this member, found none' };
    if (error.keyword === 'type') {
      const expected = [error.params['type']].flat().join(' or ');
      return { pointer, detail: `expected ${expected}, found ${describeValue(error.data)}` };
    }
    return { pointer, detail: `${error.message ?? error.keyword}, found ${describeValue(error.data)}` };
  });
}

export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  return typeof value === 'undefined' ? 'nothing' : `${typeof value} ${String(value)}`;
}

interface HttpError {
  readonly code?: string;
  readonly statusCode?: number;
  readonly message?: string;
  readonly validation?: readonly ValidationError[];
  readonly validationContext?: string;
}

/** The problem document of anything thrown while a request was answered; what is not the caller's doing keeps its cause private. */
export function toProblem(thrown: unknown): ProblemDocument {
  if (thrown instanceof Problem) return thrown.document;
  if (thrown instanceof HttpException) return fromNest(thrown);
  if (isPlatformError(thrown)) {
    const status = thrown.code === 'NOT_FOUND' ? 404 : 503;
    return new Problem(status, thrown.code.toLowerCase().replaceAll('_', '-'), status === 404 ? 'Not found' : 'A door is not available', thrown.message).document;
  }
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as HttpError;
  if (error.validation !== undefined) return invalidRequest(describeValidation(error.validation, error.validationContext ?? 'body')).document;
  return fromFastify(error) ?? new Problem(500, 'internal', 'Something went wrong here', 'the request failed for a reason on our side; the log has it').document;
}

function fromNest(exception: HttpException): ProblemDocument {
  const status = exception.getStatus();
  // Nest wraps what Fastify throws before a handler runs; the cause says more than the wrapper.
  if (status === 404) return new Problem(404, 'no-such-route', 'No such route', `${exception.message}; GET /docs lists what there is`).document;
  return new Problem(status, 'http', 'The request was refused', exception.message).document;
}

function fromFastify(error: HttpError): ProblemDocument | undefined {
  const message = error.message ?? '';
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem(413, 'body-too-large', 'The body is too large', 'expected at most 1 MiB in one request; send the rows in several').document;
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem(415, 'media-type', 'This media type is not read here', 'expected content-type: application/json').document;
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return invalidRequest([{ pointer: '', detail: 'expected a JSON document, found an empty body' }]).document;
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem(400, 'malformed-json', 'The body is not JSON', message, { errors: [{ pointer: '', detail: message }] }).document;
    default:
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return undefined;
  if (error instanceof SyntaxError) return new Problem(400, 'malformed-json', 'The body is not JSON', message, { errors: [{ pointer: '', detail: message }] }).document;
  return new Problem(status, 'http', 'The request was refused', message).document;
}
