import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { varyBy } from '../platform/http/negotiation/accept.js';
import { CSV, NDJSON } from '../platform/http/negotiation/media-types.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { PathId } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { FilterTooCostly } from '../platform/http/problems.js';
import { CreateExportRequest, ExportResponse } from './exports.dto.js';
import { Exports } from './exports.service.js';
import { ExportNotFound, ExportNotReady, ExportUsers } from './imports.contract.js';

const TYPES = { csv: CSV, ndjson: NDJSON } as const;

@ApiTags('imports')
@Controller('api/v1/exports')
export class ExportsController {
  constructor(private readonly exports: Exports) {}

  @Post()
  @Requires(ExportUsers)
  @ApiProblems(FilterTooCostly)
  @Operation(
    'exports.create',
    'Export users into a file',
    { status: 202, about: 'It is being written; its Location tells how far', type: ExportResponse },
    'What `GET /users` answers as CSV or NDJSON, the oldest first, as a file that is kept for `IMPORTS_RETENTION`.',
  )
  async create(
    @Body() { format, filter = null }: CreateExportRequest,
    @CurrentPrincipal() actor: Principal,
  ): Promise<ExportResponse> {
    return ExportResponse.from(await this.exports.start(format, filter, actor));
  }

  @Get(':id')
  @Requires(ExportUsers)
  @ApiProblems(ExportNotFound)
  @Operation('exports.get', 'Read an export', { status: 200, about: 'How far it is', type: ExportResponse })
  async get(@PathId() id: string): Promise<ExportResponse> {
    return ExportResponse.from(await this.exports.get(id));
  }

  @Get(':id/file')
  @Requires(ExportUsers)
  @ApiProblems(ExportNotFound, ExportNotReady)
  @HttpCode(200)
  @ApiOperation({ operationId: 'exports.file', summary: 'Fetch the file of an export' })
  @ApiResponse({
    status: 200,
    description: 'The file, in the format that was asked for',
    content: {
      [CSV]: { schema: { type: 'string', description: 'A header, and a line for each user' }, example: 'id,email\r\n' },
      [NDJSON]: { schema: { type: 'string', description: 'A line of JSON for each user' }, example: '{"id":"…"}\n' },
    },
  })
  async file(@PathId() id: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { format } = await this.exports.written(id);
    const text = request.method === 'HEAD' ? '' : await this.exports.download(id, async () => request.readmit?.());
    varyBy(reply, 'Authorization');
    void reply
      .header('Content-Disposition', `attachment; filename="users-${id}.${format}"`)
      .type(`${TYPES[format]}; charset=utf-8`)
      .send(text);
  }
}
