/**
 * Regular expressions that RE2 (DuckDB), Java (Spark) and JavaScript read alike: literals, classes, groups, alternatives, greedy repeats, anchors,
 * `\d` and `\w` (ASCII). A problem names what the engines would read differently.
 */
export function checkPattern(pattern: string): { readonly expression: RegExp } | { readonly problem: string } {
  let source = '';
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    const next = pattern[at + 1] ?? '';
    if (char === '\\') {
      if (!/[dDwW.\\/()[\]{}*+?^$|-]/.test(next)) return { problem: `expected \\d, \\w or an escaped sign, found \\${next}` };
      source += char + next;
      at++;
    } else if (char === '[') {
      if (inClass) return { problem: 'expected \\[ inside a class, found [' };
      inClass = true;
      source += char;
    } else if (char === ']') {
      inClass = false;
      source += char;
    } else if (!inClass && char === '(' && next === '?' && pattern[at + 2] !== ':') {
      return { problem: `expected a plain group or (?:, found (?${pattern[at + 2] ?? ''}` };
    } else if (inClass && char === '&' && next === '&') {
      return { problem: 'expected single characters in a class, found &&' };
    } else if (!inClass && char === '.') {
      // JavaScript's point leaves out four line ends, RE2's one.
      source += '[^\\n]';
    } else if (char > '\x7e' || char < ' ') {
      return { problem: `expected ASCII characters, found ${JSON.stringify(char)}` };
    } else source += char;
  }
  if (inClass) return { problem: 'expected ] at the end of a class' };
  if (/[*+?}][+?]/.test(pattern.replaceAll(/\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x'))) return { problem: 'expected plain repeats, found one with + or ? behind it' };
  try {
    return { expression: new RegExp(source, 'u') };
  } catch (error) {
    return { problem: `expected a regular expression, found ${(error as Error).message.replace(/^Invalid regular expression: /, '')}` };
  }
}
