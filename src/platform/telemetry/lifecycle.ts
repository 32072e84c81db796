import { Injectable } from '@nestjs/common';

/** Where the process stands: from the first signal on it is no longer ready, though it still answers. */
@Injectable()
export class Lifecycle {
  stopping = false;
}
