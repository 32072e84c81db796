import { ApiSchema } from '@nestjs/swagger';

import { Examples } from '../platform/http/examples.js';
import { Text } from '../platform/http/properties.js';
import { VISIBLE } from './users.properties.js';

@ApiSchema({ name: 'EndSessionsRequest' })
@Examples({
  'A lost device': { reason: 'Their telephone was stolen' },
  'A doubt': { reason: 'Signed in from two continents within an hour' },
})
export class EndSessionsRequest {
  @Text({
    about: 'Why, for other administrators',
    example: 'Their telephone was stolen',
    min: 1,
    max: 500,
    pattern: VISIBLE,
  })
  reason!: string;
}
