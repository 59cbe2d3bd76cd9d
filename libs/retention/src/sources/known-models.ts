import type { ModelRules } from './model-rules.ts';

export const MODEL_RULES: ModelRules = { kinds: {}, steps: {} };
