// Suites that need what only a set-up machine has. Without it they do not vanish: one pending test and a line say what is missing.
import { execFileSync } from 'node:child_process';
import { findIasl, type IaslVersion } from './iasl/iasl';
import { findDtc, findLinuxSource } from './paths';

const hint = 'run `npm run oracle:setup`';

/** A suite that needs the reference dtc and gcc. */
export function describeWithDtc(title: string, body: (this: Mocha.Suite, dtc: string) => void): void {
  const dtc = findDtc();
  if (dtc === undefined) pending(title, `no reference dtc: ${hint}`);
  else if (!hasGcc()) pending(title, 'no gcc');
  else
    describe(title, function () {
      body.call(this, dtc);
    });
}

/** A suite that needs the Linux sources, and the reference dtc and gcc to judge them. */
export function describeWithLinux(title: string, body: (this: Mocha.Suite, linux: string, dtc: string) => void): void {
  const linux = findLinuxSource();
  if (linux === undefined) {
    pending(title, `no Linux sources: ${hint}, or set LINUX_SRC`);
    return;
  }
  describeWithDtc(title, function (dtc) {
    body.call(this, linux, dtc);
  });
}

/** A suite that needs iasl in both versions. */
export function describeWithIasl(
  title: string,
  body: (this: Mocha.Suite, iasl: Readonly<Record<IaslVersion, string>>) => void,
): void {
  const old = findIasl('20200925');
  const current = findIasl('current');
  if (old === undefined || current === undefined) pending(title, `no iasl: ${hint}`);
  else
    describe(title, function () {
      body.call(this, { '20200925': old, current });
    });
}

/** A suite that needs gcc alone. */
export function describeWithGcc(title: string, body: (this: Mocha.Suite) => void): void {
  if (hasGcc()) describe(title, body);
  else pending(title, 'no gcc');
}

function pending(title: string, reason: string): void {
  console.log(`skipped: ${title}: ${reason}`);
  describe(title, () => {
    it(`skipped: ${reason}`);
  });
}

function hasGcc(): boolean {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
