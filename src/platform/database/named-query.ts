import { Query } from 'pg';
import type { PoolClient, QueryConfig, QueryResult } from 'pg';

/** As much of pg's connection as a query speaks to. */
interface Connection {
  describe(): void;
}

/** What a described statement's rows look like, as pg keeps it in a result. */
interface Shape {
  fields: unknown;
  _parsers: unknown;
  _prebuiltEmptyResultObject: unknown;
}

interface Prepared {
  /** The same connection, deaf to Describe. */
  readonly silent: Connection;
  readonly shapes: Map<string, Shape>;
}

interface Internals {
  name: string;
  text: string;
  values: unknown[];
  _result: Shape;
  _accumulateRows: boolean;
  prepare(connection: Connection): void;
  handleRowDescription(message: object): void;
}

const connections = new WeakMap<Connection, Prepared>();

/**
 * A named statement whose columns are asked for once a connection. pg has the server describe them with every
 * execution, and builds parsers and an empty row from the answer each time: a fifth of the CPU of a read by id (measured).
 */
export class NamedQuery extends (Query as unknown as new (text: string) => Internals) {
  private shapes: Map<string, Shape> | null = null;

  /** @param deadline as `performance.now()` counts: the answer may not come later; null for none, else whoever asks has theirs */
  constructor(
    { name, text, values }: QueryConfig,
    readonly deadline: number | null | undefined,
  ) {
    // Not by a config: pg copies each with its property descriptors.
    super(text);
    this.name = name!;
    this.values = values!;
  }

  override prepare(connection: Connection): void {
    const { silent, shapes } = preparedOn(connection);
    const shape = shapes.get(this.name);
    if (!shape) {
      this.shapes = shapes;
      super.prepare(connection);
      return;
    }
    Object.assign(this._result, shape);
    this._accumulateRows = true;
    super.prepare(silent);
  }

  override handleRowDescription(message: object): void {
    super.handleRowDescription(message);
    const { fields, _parsers, _prebuiltEmptyResultObject } = this._result;
    this.shapes?.set(this.name, { fields, _parsers, _prebuiltEmptyResultObject });
  }
}

/** What of pg's connection is spoken to in order to commit. */
interface Committing {
  parse(statement: { text: string }): void;
  bind(portal: object): void;
  execute(portal: object): void;
  sync(): void;
}

/**
 * The last statement of a transaction, and its COMMIT behind it, in one write and one answer. Where the statement fails,
 * PostgreSQL passes over all that comes before the next Sync (55.2.4 of its protocol): nothing is committed.
 */
class LastQuery extends NamedQuery {
  /** pg's own executes, and then says Sync. */
  _getRows(connection: Committing): void {
    connection.execute({});
    connection.parse({ text: 'COMMIT' });
    connection.bind({});
    connection.execute({});
    connection.sync();
  }
}

/** On a transaction's own connection, which it ends. */
export function askAndCommit(client: PoolClient, query: QueryConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = new LastQuery(query, undefined) as unknown as QueryConfig;
    client.query(asked, (error: Error | null) => (error ? reject(error) : resolve()));
  });
}

/** On a transaction's own connection. */
export function ask(client: PoolClient, query: QueryConfig): Promise<QueryResult> {
  if (!query.name) return client.query(query);
  return new Promise((resolve, reject) => {
    const asked = new NamedQuery(query, undefined) as unknown as QueryConfig;
    client.query(asked, (error, result) => (error ? reject(error) : resolve(result)));
  });
}

function preparedOn(connection: Connection): Prepared {
  let prepared = connections.get(connection);
  if (!prepared) {
    const silent = Object.create(connection, { describe: { value: () => undefined } }) as Connection;
    prepared = { silent, shapes: new Map() };
    connections.set(connection, prepared);
  }
  return prepared;
}
