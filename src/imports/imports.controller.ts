import { Controller, Get, Post, Put, Res, UseInterceptors } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';

import { onlyFields, parseFields } from '../platform/http/lists/fields.js';
import { listing } from '../platform/http/lists/listing.js';
import { ApiList, List } from '../platform/http/lists/list-query.js';
import type { ListQuery } from '../platform/http/lists/list-query.js';
import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Requires } from '../platform/http/policy.js';
import { FilterTooCostly, RequestTimedOut } from '../platform/http/problems.js';
import { StreamOperation, openStream } from '../platform/http/sse.js';
import { StreamedBody } from '../platform/http/streamed-body.js';
import { FILE_EXAMPLES } from './file-examples.js';
import { ApiImportParameters } from './import-parameters.js';
import { ImportProgress } from './import-progress.service.js';
import { FileUnreadable, ImportNotFound, ImportOver, ImportUsers, TooManyImports } from './imports.contract.js';
import {
  IMPORT_FIELDS,
  ImportPageResponse,
  ImportResponse,
  ImportRowPageResponse,
  ImportRowResponse,
  ROW_FIELDS,
} from './imports.dto.js';
import { IMPORT_FILTERS, IMPORT_SORTS, ImportsList, ROW_FILTERS, ROW_SORTS } from './imports.list.js';
import { Imports } from './imports.service.js';
import { ReceiveFile, ReceivedFile } from './receive-file.interceptor.js';

@ApiTags('imports')
@Controller('api/v1/imports')
export class ImportsController {
  constructor(
    private readonly imports: Imports,
    private readonly lists: ImportsList,
    private readonly progress: ImportProgress,
  ) {}

  @Post()
  @Requires(ImportUsers)
  @UseInterceptors(ReceiveFile)
  @StreamedBody(FILE_EXAMPLES)
  @ApiImportParameters()
  @ApiProblems(FileUnreadable, TooManyImports, RequestTimedOut)
  @Operation(
    'imports.create',
    'Import users from a file',
    { status: 202, about: 'The file was taken; what becomes of it is told at its Location', type: ImportResponse },
    `The file is read as it comes, in constant memory, and kept before the answer; then a job takes it over in batches, by the rules of
\`POST /users\`. A bad row never stops the rest. CSV with a header, or NDJSON, with the members of \`POST /users\` and \`emailVerified\`,
\`status\`, \`roles\` and \`passwordHash\` (argon2, bcrypt, scrypt or PBKDF2: verified at the first sign-in, and hashed anew then); files of
Auth0, Keycloak, Supabase and Firebase are recognised. Roles need the permission \`roles:assign\`, and nobody gives what they do not hold.
\`update\` changes the members of the profile that are given, adds roles, and gives a password to whoever is still invited;
nothing else (\`password_kept\`). Somebody is known by the address: a row
that is known by its \`externalId\` alone fails with \`email_differs\`, for no file gives anybody another address.`,
  )
  async create(@ReceivedFile() id: string): Promise<ImportResponse> {
    return ImportResponse.from(await this.imports.accept(id));
  }

  @Get()
  @Requires(ImportUsers)
  @ApiList({
    sortable: Object.keys(IMPORT_SORTS),
    filterable: IMPORT_FILTERS,
    filterExample: 'state eq "running"',
    fieldsExample: 'id,state,position',
  })
  @ApiProblems(FilterTooCostly)
  @Operation('imports.list', 'List imports', { status: 200, about: 'A page of imports', type: ImportPageResponse })
  async list(@List() query: ListQuery): Promise<ImportPageResponse> {
    const fields = parseFields(query.fields, IMPORT_FIELDS);
    return listing(
      query,
      (page) => this.lists.all(page),
      (found) => onlyFields(ImportResponse.from(found), fields),
    );
  }

  @Get(':id')
  @Requires(ImportUsers)
  @ApiProblems(ImportNotFound)
  @Operation('imports.get', 'Read an import', { status: 200, about: 'How far it is', type: ImportResponse })
  async get(@PathId() id: string): Promise<ImportResponse> {
    return ImportResponse.from(await this.imports.get(id));
  }

  @Get(':id/rows')
  @Requires(ImportUsers)
  @ApiList({
    sortable: Object.keys(ROW_SORTS),
    filterable: ROW_FILTERS,
    filterExample: 'status eq "failed"',
    fieldsExample: 'id,line,code',
  })
  @ApiProblems(ImportNotFound, FilterTooCostly)
  @Operation('imports.rows', 'List what became of each row', {
    status: 200,
    about: 'A page of the report',
    type: ImportRowPageResponse,
  })
  async rows(@PathId() id: string, @List() query: ListQuery): Promise<ImportRowPageResponse> {
    const fields = parseFields(query.fields, ROW_FIELDS);
    await this.imports.get(id);
    return listing(
      query,
      (page) => this.lists.rowsOf(id, page),
      (row) => onlyFields(ImportRowResponse.from(row), fields),
    );
  }

  @Get(':id/stream')
  @Requires(ImportUsers)
  @ApiProblems(ImportNotFound)
  @StreamOperation('imports.stream', 'Follow an import', {
    about: 'An event `progress` with the import whenever it went on, and `finished` when it is over',
    example:
      'id: 2\nevent: progress\ndata: {"id":"01a1fb89-a690-7530-90c7-ac334b01292e","position":400,"rows":1000}\n\n',
  })
  async stream(@PathId() id: string, @Res() reply: FastifyReply): Promise<void> {
    await this.imports.get(id);
    await this.progress.tell(id, openStream(reply));
  }

  @Put(':id/cancellation')
  @Requires(ImportUsers)
  @ApiProblems(ImportNotFound, ImportOver)
  @Operation(
    'imports.cancel',
    'Stop an import',
    { status: 200, about: 'The import, stopped', type: ImportResponse },
    'Between two batches: users that were taken over already stay.',
  )
  async cancel(@PathId() id: string, @IfMatch() expected: Versions): Promise<ImportResponse> {
    return ImportResponse.from(await this.imports.cancel(id, expected));
  }
}
