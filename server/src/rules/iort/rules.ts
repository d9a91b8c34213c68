// The rules about an IORT, in the order in which they are listed.
import type { TableRule } from '../table-rule';

export const iortRules: readonly TableRule[] = [];
