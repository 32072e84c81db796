import type { TestApp } from './app.js';
import type { Person } from './people.js';

/** What an operation needs so that somebody honest is answered 2xx: a state of the world, and values that only it knows. */
export interface Scene {
  /** The `{id}` of the path; else the victim's. */
  readonly id?: string;
  /** Other parameters of the path, by their names. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** How a scene is set, for whoever calls, and whoever it is about. */
export type Setting = (app: TestApp, caller: Person, victim: Person) => Promise<Scene> | Scene;
