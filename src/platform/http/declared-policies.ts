import type { INestApplication } from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';

import { policyOf } from './policy.js';

/** Every handler of every controller says who may call it, also one that the document does not show. */
export function requirePolicies(app: INestApplication): void {
  const scanner = new MetadataScanner();
  const silent = [...app.get(ModulesContainer, { strict: false }).values()]
    .flatMap((module) => [...module.controllers.values()])
    .flatMap(({ metatype }) =>
      scanner.getAllMethodNames(metatype!.prototype as object).flatMap((name) => {
        const handler = (metatype!.prototype as Record<string, object>)[name]!;
        const isRoute = Reflect.hasMetadata(PATH_METADATA, handler);
        return isRoute && !policyOf(handler) ? [`${metatype!.name}.${name}`] : [];
      }),
    );
  if (silent.length > 0)
    throw new Error(`${silent.join(', ')}: declares no policy (@Public, @Authenticated or @Requires)`);
}
