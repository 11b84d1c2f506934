// Resource Manager: tables and functions of a workspace. A write drops the columns that it doesn't list, as the service does.
import { refused } from './answer.mjs';

export function arm(state, { method, url, body }) {
  if (!url.href.startsWith(state.manager)) throw refused('Bad Request', 'InvalidUrl', url.href);
  const path = url.pathname.replace(state.workspace, '');
  if (path === '/tables' && method === 'GET') return { value: Object.keys(state.tables).map(name => ({ name })) };
  if (path === '/savedSearches' && method === 'GET') return { value: state.functions };
  if (path.startsWith('/savedSearches/') && method === 'DELETE') return removeFunction(state, path.split('/')[2]);
  const match = path.match(/^\/tables\/([^/]+)(\/migrate)?$/);
  if (!match || url.searchParams.get('api-version') !== '2025-07-01') throw refused('Not Found', 'NoRoute', url.href);
  const [, name, isMigration] = match;
  const table = state.tables[name];
  if (method === 'PUT') return write(state, name, body.properties);
  if (!table) throw refused('Not Found', 'ResourceNotFound', `The table ${name} was not found.`);
  if (method === 'DELETE') return void delete state.tables[name];
  if (isMigration && method === 'POST') return migrate(table);
  if (isMigration || method !== 'GET') throw refused('Method Not Allowed', 'MethodNotAllowed', method);
  const { busy } = table;
  if (busy) table.busy--;
  return { name, properties: { ...table, provisioningState: busy ? 'Updating' : 'Succeeded' } };
}

function removeFunction(state, name) {
  state.functions = state.functions.filter(one => one.name !== name);
}

function migrate(table) {
  if (table.schema.tableSubType !== 'Classic') throw refused('Bad Request', 'InvalidParameter', 'not a classic table');
  table.schema.tableSubType = 'DataCollectionRuleBased';
  table.busy = 1;
}

function write(state, name, properties) {
  const was = state.tables[name];
  const { columns } = properties.schema;
  if (was?.schema.tableSubType === 'Classic') throw refused('Bad Request', 'ClassicTable', 'migrate it first');
  if (Object.values(state.tables).some(table => table.busy)) throw refused('Conflict', 'Conflict', 'another write is under way');
  if (!columns.some(column => column.name === 'TimeGenerated')) throw refused('Bad Request', 'InvalidSchema', 'TimeGenerated');
  if (new Set(columns.map(column => column.name.toLowerCase())).size < columns.length) throw refused('Bad Request', 'InvalidSchema', 'twice');
  state.dropped.push(...(was?.schema.columns ?? []).map(c => c.name).filter(old => !columns.some(c => c.name === old)).map(old => `${name}.${old}`));
  const schema = { ...(was?.schema ?? { tableSubType: 'DataCollectionRuleBased', standardColumns: [] }), ...properties.schema };
  state.tables[name] = { plan: 'Analytics', retentionInDays: -1, totalRetentionInDays: -1, ...was, ...properties, schema, busy: 1 };
}
