// The document as people read it: what would send them astray when they press "Execute" is told, not filled in.

const WHO = { public: 'Anybody may ask.', authenticated: 'For whoever is signed in.' };

/** @param document an OpenAPI document; changed in place and returned */
export function forPeople(document) {
  for (const item of Object.values(document.paths))
    for (const operation of Object.values(item).filter((each) => each?.operationId)) {
      const needed = operation['x-permission'];
      const who = WHO[needed] ?? `Needs the permission \`${needed}\`.`;
      operation.description = [operation.description, who].filter(Boolean).join('\n\n');
      for (const parameter of operation.parameters ?? []) tellExample(parameter);
    }
  return document;
}

/** Swagger UI fills examples in, and a list filtered by an example, or a foreign `If-Match`, finds nothing. */
function tellExample(parameter) {
  const { schema = {} } = parameter;
  const example = parameter.example ?? schema.example;
  delete parameter.example;
  delete schema.example;
  if (example === undefined || schema.default !== undefined || schema.enum) return;
  parameter.description = `${parameter.description} (such as \`${example}\`)`;
}
