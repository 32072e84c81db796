import { Administrators } from '../auth/index.js';
import type { FirstAdministrator } from '../auth/index.js';
import { withApplication } from './application.js';
import type { Invocation } from './invocation.js';

export function createAdministrator(invocation: Invocation): Promise<number> {
  return show(invocation, (administrators) => administrators.create(invocation.email));
}

export function resetAdministrator(invocation: Invocation): Promise<number> {
  return show(invocation, (administrators) => administrators.reset(invocation.email));
}

async function show(
  { answer }: Invocation,
  deed: (administrators: Administrators) => Promise<FirstAdministrator>,
): Promise<number> {
  const { email, oneTimePassword } = await withApplication((app) => deed(app.get(Administrators)));
  return answer(
    `Administrator      ${email}\nOne-time password  ${oneTimePassword}\n\nIt is shown only now. Sign in with it, then choose your own.`,
    { email, oneTimePassword },
  );
}
