import { Injectable } from '@nestjs/common';

/** The only source of the time of day, so that a test can say what time it is. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }

  /** Milliseconds since 1970, without making a Date: for the hot path. */
  millis(): number {
    return Date.now();
  }

  /** Milliseconds by which it was put ahead of the machine's, for what goes by PostgreSQL's: none but in tests. */
  ahead(): number {
    return 0;
  }
}
