// How the Azure CLI prints and refuses.
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// As `az rest` says it of an HTTP status.
export const refused = (status, code, message = code) =>
  new Refusal(1, `${status}(${JSON.stringify({ error: { code, message } })})`);

const cell = value =>
  value === null ? 'None' : typeof value === 'object' ? `${Object.keys(value).length}` : String(value);

// Tab-separated: a line for each item, null at the top is nothing.
export function text(value, output) {
  if (output === 'none' || value === null) return '';
  if (output === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  if (output !== 'tsv') throw new Refusal(2, `argument --output: invalid choice: '${output}'`);
  const rows = Array.isArray(value) ? value : [value];
  return rows.map(row => `${(Array.isArray(row) ? row : [row]).map(cell).join('\t')}\n`).join('');
}
