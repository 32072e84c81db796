import { ApiProperty, ApiSchema } from '@nestjs/swagger';

/** One fault of a request. */
@ApiSchema({ name: 'Fault' })
export class FaultResponse {
  @ApiProperty({
    type: String,
    required: false,
    description: 'JSON Pointer into the body (RFC 6901)',
    example: '/email',
    maxLength: 2000,
  })
  pointer?: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'Name of the parameter in the path or the query',
    example: 'limit',
    maxLength: 200,
  })
  parameter?: string;

  @ApiProperty({ type: String, description: 'What is wrong, for programs', example: 'email_invalid', maxLength: 100 })
  code!: string;

  @ApiProperty({
    type: String,
    description: 'What is wrong, for people',
    example: 'must be an e-mail address',
    maxLength: 2000,
  })
  detail!: string;
}

/** A failure (RFC 9457). */
@ApiSchema({ name: 'Problem' })
export class ProblemResponse {
  @ApiProperty({
    type: String,
    format: 'uri',
    description: 'Where the problem is explained',
    example: 'https://id.example.com/problems/validation_failed',
  })
  type!: string;

  @ApiProperty({
    type: String,
    description: 'What it is, for people',
    example: 'The request is not valid',
    maxLength: 200,
  })
  title!: string;

  @ApiProperty({ type: 'integer', description: 'The status of the answer', example: 422, minimum: 400, maximum: 599 })
  status!: number;

  @ApiProperty({
    type: String,
    description: 'What it is, for programs; never changes',
    example: 'validation_failed',
    maxLength: 100,
  })
  code!: string;

  @ApiProperty({
    type: String,
    required: false,
    description: 'This one case, for people',
    example: '1 member is wrong',
    maxLength: 2000,
  })
  detail?: string;

  @ApiProperty({ type: String, description: 'The path that was asked for', example: '/api/v1/users', maxLength: 2000 })
  instance!: string;

  @ApiProperty({
    type: String,
    description: 'Under this id the log tells more',
    example: '01a1fb89-a690-7530-90c7-ac334b01292e',
    maxLength: 200,
  })
  requestId!: string;

  @ApiProperty({ type: FaultResponse, isArray: true, required: false, description: 'Each single fault' })
  errors?: FaultResponse[];
}
