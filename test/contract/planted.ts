import { Module } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestApplication } from '@nestjs/common';

import { AppModule } from '../../src/app.module.js';
import { TestApp } from '../harness/app.js';

const CONTROLLERS = 'controllers';

/** The whole house with rooms that should not be there. Its answers are not compared with the document. */
export async function startWith(...controllers: Type[]): Promise<TestApp> {
  Reflect.defineMetadata(CONTROLLERS, controllers, AppModule);
  try {
    return await TestApp.start({ watched: false, patient: false });
  } finally {
    Reflect.deleteMetadata(CONTROLLERS, AppModule);
  }
}

/** These controllers and nothing else: an application before its document is made. */
export function applicationOf(...controllers: Type[]): Promise<INestApplication> {
  @Module({ controllers })
  class Planted {}
  return NestFactory.create(Planted, { logger: false, abortOnError: false });
}
