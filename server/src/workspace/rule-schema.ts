// What the setting `rules` may hold, as JSON Schema made from the rules themselves: `npm run docs:rules` writes it into
// schemas/doorbell.schema.json and the extension's manifest, tests keep them up to date.
import { allRules } from './rule-index';

const severityWords = { type: 'string', enum: ['error', 'warning', 'info', 'hint', 'off'] } as const;

type RuleSchema = typeof severityWords & { readonly description: string; readonly default: string };

export interface RulesSchema {
  readonly properties: Readonly<Record<string, RuleSchema>>;
  /** For ids that this version does not have: settings may be shared with others. A doorbell.json is warned of them. */
  readonly additionalProperties: typeof severityWords;
}

/** Every rule's id with what it finds and the severity it has unless set otherwise. */
export function rulesSchema(): RulesSchema {
  const properties = allRules().map(({ id, severity, summary }) => {
    return [id, { ...severityWords, default: severity, description: `${summary}. Severity: ${severity}.` }] as const;
  });
  return { properties: Object.fromEntries(properties), additionalProperties: severityWords };
}
