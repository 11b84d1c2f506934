// Binds KQL with Microsoft's own language service and says what it finds.
//
// stdin:  {"tables": [{name, columns: [{name, type}]}],
//          "functions": [{name, parameters, query}],
//          "queries": [{name, text, source?: [{name, type}]}]}
// stdout: [{name, errors: [text], columns: [{name, type}], kinds: [text], calls: [text]}]
//
// `source` is a table of that name in one query alone: the stream of a collection rule. `kinds` are
// the query's syntax nodes, `calls` the functions that it calls, each once.
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';

const require = createRequire(import.meta.url);
require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');

const { Bridge, System } = globalThis;
const { GlobalState, KustoCode, Symbols, Syntax } = globalThis.Kusto.Language;

// The compiled C# library numbers its overloaded constructors.
const column = ({ name, type }) =>
  new Symbols.ColumnSymbol(name, Symbols.ScalarTypes.GetSymbol(type.toLowerCase()));
const table = (name, columns) => new Symbols.TableSymbol.$ctor4(name, columns.map(column));
const saved = ({ name, parameters, query }) =>
  new Symbols.FunctionSymbol.$ctor16(name, `(${parameters})`, `{${query}\n}`);
const database = (members) =>
  GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1('workspace', members));

const listed = (list) => System.Linq.Enumerable.from(list).ToArray();
const nameOf = (kind) => System.Enum.toString(Syntax.SyntaxKind, kind);

const asked = JSON.parse(await text(process.stdin));
const members = [
  ...asked.tables.map(({ name, columns }) => table(name, columns)),
  ...asked.functions.map(saved),
];

function bind({ name, text, source }) {
  const own = source ? [...members, table('source', source)] : members;
  const code = KustoCode.ParseAndAnalyze(text, database(own));
  const errors = listed(code.GetDiagnostics())
    .filter((found) => found.Severity === 'Error')
    .map((found) => `${found.Message} (${found.Code}, at ${found.Start})`);
  const columns = listed(code.ResultType?.Columns ?? [])
    .map((column) => ({ name: column.Name, type: column.Type.Name }));
  const kinds = new Set();
  const calls = new Set();
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => {
    kinds.add(nameOf(node.Kind));
    if (Bridge.is(node, Syntax.FunctionCallExpression)) calls.add(node.Name.SimpleName);
  });
  return { name, errors, columns, kinds: [...kinds].sort(), calls: [...calls].sort() };
}

process.stdout.write(JSON.stringify(asked.queries.map(bind)));
