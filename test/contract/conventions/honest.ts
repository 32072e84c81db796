import { operationsOf } from '../../../src/platform/http/document.js';
import type { DocumentedOperation } from '../../../src/platform/http/documented.js';
import type { TestApp } from '../../harness/app.js';
import type { Answer } from '../../harness/household.js';
import type { Person } from '../../harness/people.js';
import { addressOf, sceneOf, withUniqueMembers } from '../../harness/scenes.js';

export type Body = Record<string, unknown>;

/** An operation of the document, and an honest request to it. */
export interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly documented: DocumentedOperation;
  /** What is read at its address is a list, which has no version of its own. */
  readonly isOnList: boolean;
}

/** Someone who may, something to do it to, and a body that will be taken. */
export interface Occasion {
  readonly admin: Person;
  readonly victim: Person;
  readonly url: string;
  /** The same address with other values in the path. */
  readonly elsewhere: (parameters: Readonly<Record<string, string>>) => string;
  readonly body: Body | undefined;
}

export interface Asked {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly method?: string;
  readonly url?: string;
  readonly anonymous?: boolean;
}

export class Honest {
  readonly operations: readonly Operation[];

  constructor(readonly app: TestApp) {
    const all = operationsOf(app.app.document);
    const lists = new Set(all.filter(({ operation }) => this.answersList(operation)).map(({ path }) => path));
    this.operations = all.map(({ operation, path, method }) => ({
      operationId: operation.operationId,
      method: method.toUpperCase(),
      path,
      documented: operation,
      isOnList: lists.has(path),
    }));
  }

  private answersList({ responses }: DocumentedOperation): boolean {
    const schema = responses['200']?.content?.['application/json']?.schema as { $ref?: string } | undefined;
    const component = this.app.app.document.components!.schemas![schema?.$ref?.split('/').at(-1) ?? ''];
    return (component as { properties?: { data?: { type?: string } } } | undefined)?.properties?.data?.type === 'array';
  }

  /** A new one each time: many deeds can be done once only. */
  async occasion({ operationId, path, documented }: Operation): Promise<Occasion> {
    const admin = await this.app.people.admin();
    const victim = path.includes('{id}') ? await this.app.people.person() : admin;
    const scene = await sceneOf(operationId, this.app, admin, victim);
    const example = exampleBody(documented);
    return {
      admin,
      victim,
      url: addressOf(path, scene, victim.id),
      elsewhere: (parameters) =>
        addressOf(path, { id: scene.id, parameters: { ...scene.parameters, ...parameters } }, victim.id),
      body: (scene.body as Body | undefined) ?? (example && withUniqueMembers(example)),
    };
  }

  /** The honest request, but for what is asked otherwise. */
  send<T = Body>({ method }: Operation, at: Occasion, asked: Asked = {}): Promise<Answer<T>> {
    const body = 'body' in asked ? asked.body : at.body;
    return this.app.send<T>(asked.method ?? method, asked.url ?? at.url, {
      token: asked.anonymous ? undefined : at.admin.token,
      headers: asked.headers,
      body,
    });
  }

  async ask<T = Body>(operation: Operation, asked: Asked = {}): Promise<Answer<T>> {
    return this.send<T>(operation, await this.occasion(operation), asked);
  }
}

export function exampleBody({ requestBody }: DocumentedOperation): Body | undefined {
  const media = requestBody?.content['application/json'];
  return (media?.example ?? Object.values(media?.examples ?? {})[0]?.value) as Body | undefined;
}

/** The media types in which the operation answers well. */
export function offersOf({ documented }: Operation): string[] {
  const happy = Object.entries(documented.responses).find(([status]) => status.startsWith('2'));
  return Object.keys(happy?.[1].content ?? {});
}

export const takes = ({ documented }: Operation, name: string): boolean =>
  documented.parameters?.some((parameter) => parameter.name.toLowerCase() === name.toLowerCase()) ?? false;
export const isPublic = ({ documented }: Operation): boolean => documented['x-permission'] === 'public';
export const isList = (operation: Operation): boolean => takes(operation, 'cursor');
export const writes = ({ method }: Operation): boolean => method !== 'GET';
/** A file is no object, whatever is in it. */
export const bodied = ({ documented }: Operation): boolean =>
  documented.requestBody !== undefined && !documented['x-streamed-body'];
export const represents = (operation: Operation): boolean =>
  offersOf(operation).includes('application/json') && operation.documented['x-json-only'] !== true;
