// A worker thread does not inherit the loader of its process; this one brings it.
import { register } from 'tsx/esm/api';

register();
await import('./run.ts');
