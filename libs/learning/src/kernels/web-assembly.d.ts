/** What is used of WebAssembly; the compiler's own declarations come only with those of browsers. */
declare namespace WebAssembly {
  /** Compiled code; may be posted to threads. */
  class Module {
    private constructor();
    static exports(module: Module): { readonly name: string; readonly kind: string }[];
  }
  class Memory {
    constructor(limits: { initial: number; maximum: number; shared: true });
    readonly buffer: SharedArrayBuffer;
    /** Adds pages of 65,536 bytes; throws a RangeError where there are no more. */
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
