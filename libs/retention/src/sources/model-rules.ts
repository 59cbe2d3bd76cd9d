/** What one parameter of a model, or one option of a step, may be. */
export type ValueRule =
  | { readonly min: number; readonly max: number; readonly integer: boolean }
  /** A list of at most `mostItems` numbers. */
  | { readonly min: number; readonly max: number; readonly integer: boolean; readonly mostItems: number }
  | { readonly choices: readonly string[] }
  /** True or false. */
  | { readonly flag: true };

export interface ModelRules {
  /** By kind of model: whether it looks at one named feature, and its parameters. */
  readonly kinds: Readonly<Record<string, { readonly feature: 'needed' | 'allowed' | 'refused'; readonly parameters: Readonly<Record<string, ValueRule>> }>>;
  /** By step of preparation: whether columns keep their names behind it, and its options. */
  readonly steps: Readonly<Record<string, { readonly keepsNames: boolean; readonly options: Readonly<Record<string, ValueRule>> }>>;
}
