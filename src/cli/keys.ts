import { Keys } from '../keys/index.js';
import { withApplication } from './application.js';
import type { Invocation } from './invocation.js';

export async function rotateKeys({ answer }: Invocation): Promise<number> {
  const kid = await withApplication((app) => app.get(Keys).rotate());
  return answer(`The key ${kid} signs from now on; running servers follow within a minute.`, { kid });
}
