import { setTimeout as pause } from 'node:timers/promises';

/** Waits until something is so. @throws Error with its words if it takes too long */
export async function until(what: string, isSo: () => Promise<boolean>, patience = 60_000): Promise<void> {
  for (const end = performance.now() + patience; !(await isSo()); await pause(50))
    if (performance.now() > end) throw new Error(`It took too long until ${what}`);
}
