import { Injectable } from '@nestjs/common';

import { Jobs } from '../jobs/index.js';
import { Events } from './events.service.js';

/** Jobs stand below the facts and cannot record any: what people do to jobs is recorded for them from here. */
@Injectable()
export class JobFacts {
  constructor(jobs: Jobs, events: Events) {
    jobs.recordWith((type, data, about) => events.record(type, data, about));
  }
}
