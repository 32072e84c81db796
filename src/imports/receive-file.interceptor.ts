import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { Injectable, createParamDecorator } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';

import { ForeignPasswords } from '../passwords/index.js';
import { Config } from '../platform/config/config.js';
import { UnsupportedMediaType } from '../platform/http/problems.js';
import { bytesOf, hearOut } from '../platform/http/streamed-body.js';
import { afresh } from './afresh.js';
import { parametersOf } from './import-parameters.js';
import { FileUnreadable } from './imports.contract.js';
import { Imports } from './imports.service.js';
import type { FileType } from './reading/file-reader.js';
import { FileRefused } from './reading/source-row.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The import that the body was staged as. */
    importId?: string;
  }
}

/** The import that the file of this request was staged as. */
export const ReceivedFile = createParamDecorator(
  (_: unknown, context): string => context.switchToHttp().getRequest<FastifyRequest>().importId!,
);

/**
 * Stages the file of a request before anything else is done with it. So an Idempotency-Key, whose transaction begins
 * only then, is not open for as long as the file takes; and what it compares is the digest of the file.
 */
@Injectable()
export class ReceiveFile implements NestInterceptor {
  constructor(
    private readonly config: Config,
    private readonly imports: Imports,
    private readonly foreign: ForeignPasswords,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    return from(this.receive(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), next));
  }

  private async receive(request: FastifyRequest, reply: FastifyReply, next: CallHandler): Promise<unknown> {
    const id = await this.stage(request, reply);
    try {
      return await afresh(() => lastValueFrom(next.handle() as Observable<unknown>));
    } finally {
      // A repeated request was answered by the import that the first one made.
      await afresh(() => this.imports.discard(id));
    }
  }

  /** @throws ParameterInvalid, UnsupportedMediaType, FileUnreadable, PayloadTooLarge, RequestTimedOut */
  private async stage(request: FastifyRequest, reply: FastifyReply): Promise<string> {
    const { firebase, ...terms } = parametersOf(request);
    if (!(request.body instanceof Readable)) throw new UnsupportedMediaType();
    const firebasePrefix = firebase && this.foreign.firebasePrefix(firebase);
    const digest = createHash('sha256').update(JSON.stringify(firebase));
    const bytes = this.watched(request, digest);
    try {
      const type = request.bodyType as FileType;
      request.importId = await this.imports.receive(bytes, type, { ...terms, firebasePrefix }, request.principal!);
    } catch (error) {
      await hearOut(request, reply);
      if (!(error instanceof FileRefused)) throw error;
      throw new FileUnreadable(error.message, [{ pointer: '', code: error.code, detail: error.message }]);
    }
    request.body = { digest: digest.digest('hex') };
    return request.importId;
  }

  /** Whoever may import no more while they send is stopped in the middle. */
  private async *watched(request: FastifyRequest, digest: ReturnType<typeof createHash>): AsyncGenerator<Uint8Array> {
    for await (const piece of bytesOf(request, this.config.values.IMPORT_MAX_BYTES)) {
      digest.update(piece);
      await afresh(async () => request.readmit?.());
      yield piece;
    }
  }
}
