// Numbers in the messages of rules are written as everywhere.
export * from '../text/numbers';
