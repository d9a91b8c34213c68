// Shell scripts are bundled as their text (scripts/build.mjs).
declare module '*.sh' {
  const text: string;
  export default text;
}
