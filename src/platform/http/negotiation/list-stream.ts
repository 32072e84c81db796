import { Readable } from 'node:stream';

import { newId } from '../../crypto/tokens.js';
import { REQUEST_BUDGET } from '../../database/impatient-client.js';
import { currentRequest, runInRequest } from '../../logging/request-context.js';
import type { RequestContext } from '../../logging/request-context.js';
import { following } from '../lists/listing.js';
import type { Listing } from '../lists/listing.js';

/** Writes the rows of a page as text. */
export type RowsWriter = (rows: readonly object[]) => string;

/**
 * All the pages of a list as one text, each asked for when the reader has room for it: no more than a page is held.
 * A page that fails breaks the connection off, for a status was sent already.
 * @param readmit throws before a page that the reader may no longer see
 * @param failed is told why
 */
export function streamOf(
  first: Listing,
  header: string,
  write: RowsWriter,
  { readmit, failed }: { readmit: () => Promise<void>; failed: (error: unknown) => void },
): Readable {
  const context = currentRequest();
  async function* pages(): AsyncGenerator<string> {
    try {
      yield header + write(first.data);
      for (let next = following(first); next;) {
        const ask = next;
        const page = await runInRequest(renewed(context), async () => {
          await readmit();
          return ask();
        });
        yield write(page.data);
        next = following(page);
      }
    } catch (error) {
      failed(error);
      throw error;
    }
  }
  return Readable.from(pages(), { objectMode: false });
}

/** Each page, and whatever else belongs to a long answer, may take as long as a request. */
export function renewed(context: RequestContext | undefined): RequestContext {
  const { requestId = newId(), ip = null, userAgent = null, actorId = null, onBehalfOf = null } = context ?? {};
  return { requestId, ip, userAgent, actorId, onBehalfOf, deadline: performance.now() + REQUEST_BUDGET };
}
