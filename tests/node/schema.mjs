// Holds documents against a JSON Schema (draft 2020-12).
//
// stdin:  {"schema": {…}, "documents": [any]}
// stdout: [true where the document fits]
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const require = createRequire(import.meta.url);
const Ajv = require('ajv/dist/2020');

const { schema, documents } = JSON.parse(await text(process.stdin));
// The schema's number formats (`uint32`) come from Rust's types; the judge knows none of them.
const fits = new Ajv({ strict: true, allowUnionTypes: true, validateFormats: false }).compile(schema);
process.stdout.write(JSON.stringify(documents.map((document) => fits(document))));
