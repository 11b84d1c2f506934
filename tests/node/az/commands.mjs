// Commands with words of their own.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Refusal } from './answer.mjs';

const absent = (code, what) => new Refusal(3, `(${code}) ${what} could not be found.`);

export const commands = {
  'account show': state => {
    if (!state.account) throw new Refusal(1, "Please run 'az login' to setup account.");
    return state.account;
  },
  'cloud show': state => ({
    name: state.cloud,
    endpoints: { microsoftGraphResourceId: `${state.graph}/`, activeDirectory: state.login, resourceManager: `${state.manager}/` },
  }),
  'group show': (state, { name }) => {
    if (!state.groups[name]) throw absent('ResourceGroupNotFound', `Resource group '${name}'`);
    return state.groups[name];
  },
  'group create': (state, { name, location }) => { state.groups[name] = { name, location }; },
  'identity show': (state, { name }) => {
    if (!state.identities[name]) throw absent('ResourceNotFound', `The Resource '${name}'`);
    return state.identities[name];
  },
  'identity create': makeIdentity,
  'keyvault certificate show': (state, { name }) => {
    if (!state.certificates[name]) throw absent('CertificateNotFound', `A certificate ${name}`);
    return state.certificates[name];
  },
  'keyvault certificate create': makeCertificate,
  'keyvault certificate download': (state, { name, file }) => {
    writeFileSync(file, `-----BEGIN CERTIFICATE-----\n${state.certificates[name].x509ThumbprintHex}\n-----END CERTIFICATE-----\n`);
  },
  'ad app credential list': (state, { id }) => application(state, id).certificates,
  'ad app credential reset': resetCredential,
  'resource list': (state, { 'resource-group': name }) => {
    if (!state.groups[name]) throw absent('ResourceGroupNotFound', `Resource group '${name}'`);
    return state.resources;
  },
  'identity list': state => Object.values(state.identities),
  'role assignment list': (state, { assignee, all, scope, role: id }) =>
    state.roles.filter(role => role.principalId === assignee && (!id || role.roleId === id) &&
      (all ? role.scope.startsWith('/subscriptions/') : role.scope === scope)),
  'role assignment create': (state, { 'assignee-object-id': principalId, 'assignee-principal-type': type, role, scope }) => {
    if (type !== 'ServicePrincipal') throw new Refusal(1, 'the directory may not know it yet');
    state.roles.push({ id: randomUUID(), principalId, roleId: role, scope });
  },
  'role assignment delete': (state, { ids }) => { state.roles = state.roles.filter(role => role.id !== ids); },
  'monitor log-analytics workspace delete': (state, { force, yes, 'workspace-name': name }) => {
    if (!force || !yes) throw new Refusal(1, 'it would be kept for 14 days');
    state.resources = state.resources.filter(resource => resource.name !== name);
  },
  'group delete': deleteGroup,
  'keyvault purge': (state, { name }) => {
    if (!state.deletedVaults.includes(name)) throw absent('DeletedVaultNotFound', name);
    state.deletedVaults = [];
  },
};

function makeIdentity(state, { name, 'resource-group': group, location }) {
  if (!state.mayMake) throw new Refusal(1, '(AuthorizationFailed) The client does not have authorization to perform action.');
  if (!state.groups[group] || !location) throw absent('ResourceGroupNotFound', `Resource group '${group}'`);
  const [principalId, clientId] = [randomUUID(), randomUUID()];
  const id = `/subscriptions/${state.account.id}/resourcegroups/${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
  state.identities[name] = { id, principalId, clientId };
  state.principals.push({ id: principalId, appId: clientId });
  state.lag = 2;
  return state.identities[name];
}

function deleteGroup(state, { name, yes }) {
  if (!yes) throw new Refusal(1, 'Unable to prompt for confirmation');
  delete state.groups[name];
  state.deletedVaults = state.resources.filter(one => one.type === 'Microsoft.KeyVault/vaults').map(one => one.name);
  // An assignment outlives its identity.
  Object.assign(state, { resources: [], identities: {} });
}

function makeCertificate(state, { name, policy }) {
  const { keyProperties } = JSON.parse(policy);
  if (keyProperties.exportable !== false) throw new Refusal(1, 'the key could be exported');
  state.certificates[name] = { x509ThumbprintHex: randomUUID().replaceAll('-', '').toUpperCase() };
}

function application(state, id) {
  const found = state.applications.find(a => a.appId === id);
  if (!found) throw absent('Request_ResourceNotFound', id);
  return found;
}

// Without --cert it would make a password and print it; without --append it would take the others away.
function resetCredential(state, { id, cert, append, 'display-name': displayName }) {
  if (!append || typeof cert !== 'string' || !cert.startsWith('@')) throw new Refusal(2, 'a password');
  application(state, id).certificates.push({ displayName });
  return { appId: id, password: null };
}
