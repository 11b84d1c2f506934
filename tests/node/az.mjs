// A stand-in for the Azure CLI, as far as the scripts under infra/ call it: answers from AZ_STATE (a JSON
// file, which writes change), evaluates --query as the CLI does, and adds every call to AZ_LOG. It refuses what it
// doesn't know, so that a script can't pass by calling something that isn't there. It listens on the port that it
// prints, since a process for each call would take most of the tests' time: the number of words and the words come
// in, each ended by NUL, and out go the exit code on a line and what is printed.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import jmespath from 'jmespath';
import { Refusal, text } from './az/answer.mjs';
import { arm } from './az/arm.mjs';
import { commands } from './az/commands.mjs';
import { graph } from './az/graph.mjs';

const FLAGS = ['only-show-errors', 'cert', 'append', 'yes', 'all', 'force'];

// Words of the command, then options; of an option without a value, true.
function read(words) {
  const command = [];
  const options = {};
  for (let at = 0; at < words.length; at++) {
    if (!words[at].startsWith('--')) {
      if (Object.keys(options).length) throw new Refusal(2, `unrecognized arguments: ${words[at]}`);
      command.push(words[at]);
      continue;
    }
    const name = words[at].slice(2);
    const isFlag = FLAGS.includes(name) && (words[at + 1] ?? '--').startsWith('--');
    options[name] = isFlag ? true : words[++at];
    if (options[name] === undefined) throw new Refusal(2, `argument --${name}: expected one argument`);
  }
  return { command: command.join(' '), options };
}

function answer(state, { command, options }, words) {
  const fault = state.faults?.find(fault => words.join(' ').includes(fault.at));
  if (fault) throw new Refusal(1, fault.error);
  if (command !== 'rest') {
    if (!commands[command]) throw new Refusal(2, `'${command}' is misspelled or not recognized by the system.`);
    return commands[command](state, options);
  }
  const body = options.body === undefined ? undefined : JSON.parse(options.body);
  const call = { method: options.method.toUpperCase(), url: new URL(options.url), headers: options.headers, body };
  if (options.url.startsWith(state.graph)) return graph(state, call);
  return arm(state, call);
}

function run(words) {
  const state = JSON.parse(readFileSync(process.env.AZ_STATE, 'utf8'));
  appendFileSync(process.env.AZ_LOG, `${JSON.stringify(words)}\n`);
  try {
    const call = read(words);
    let given = answer(state, call, words) ?? null;
    if (call.options.query) given = jmespath.search(given, call.options.query);
    return `0\n${text(given, call.options.output ?? 'json')}`;
  } catch (refusal) {
    return `${refusal.code ?? 1}\nERROR: ${refusal.message}\n`;
  } finally {
    writeFileSync(process.env.AZ_STATE, JSON.stringify(state));
  }
}

const server = createServer(socket => {
  let come = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', some => {
    come += some;
    const [count, ...words] = come.split('\0');
    if (words.length === Number(count) + 1) socket.end(run(words.slice(0, -1)));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
