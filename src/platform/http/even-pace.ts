import { setTimeout as pause } from 'node:timers/promises';

import { UseInterceptors } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';

/** Twice what the work takes, more or less, and less than anybody notices who then waits for a mail. Milliseconds. */
const STROKE = 25;

/**
 * For operations whose answer must not tell by its time what was found. They do the same work either way, but a row
 * that is there still costs more than one that is not (it is read, referred to, indexed): measured 0.2 ms, which some
 * hundred questions show. So the answer waits for the next stroke since the question came.
 */
export const EvenPace = (): MethodDecorator => UseInterceptors(new Strokes());

class Strokes implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(onStroke(lastValueFrom(next.handle(), { defaultValue: undefined })));
  }
}

/** Strokes are counted from the beginning, not from the end of the work, whose length would be told by what is rounded. */
async function onStroke<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const settled = work.finally(() => (isDone = true));
  settled.catch(() => {
    // Returned below, to whoever waits; by then it may have failed long ago.
  });
  do await pause(STROKE);
  while (!isDone);
  return settled;
}
