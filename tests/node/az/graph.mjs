// Microsoft Graph's directory: service principals, their app roles, applications.
import { randomUUID } from 'node:crypto';
import { refused } from './answer.mjs';

const unknown = () => refused('Not Found', 'Request_ResourceNotFound', 'Resource does not exist');
const denied = () => refused('Forbidden', 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
const PAGE = 5;

const routes = [
  ['GET', /^servicePrincipals\(appId='(.+)'\)$/, (state, _, id) => one(state.principals, p => p.appId === id)],
  ['GET', /^servicePrincipals\/([^/]+)$/, principal],
  ['POST', /^servicePrincipals$/, addPrincipal],
  ['GET', /^servicePrincipals\/([^/]+)\/appRoleAssignments$/, assignments],
  ['POST', /^servicePrincipals\/([^/]+)\/appRoleAssignedTo$/, assign],
  ['GET', /^applications\(uniqueName='(.+)'\)$/, (state, _, name) => one(state.applications, a => a.uniqueName === name)],
  ['PATCH', /^applications\(uniqueName='(.+)'\)$/, upsert],
  ['GET', /^applications\/([^/]+)$/, (state, _, id) => one(state.applications, a => a.id === id)],
  ['PATCH', /^applications\/([^/]+)$/, change],
  ['DELETE', /^applications\/([^/]+)$/, remove],
  ['DELETE', /^directory\/deletedItems\/([^/]+)$/, purge],
  ['GET', /^applications\/([^/]+)\/federatedIdentityCredentials$/, (state, _, id) => ({ value: one(state.applications, a => a.id === id).trusts })],
  ['POST', /^applications\/([^/]+)\/federatedIdentityCredentials$/, trust],
];

export function graph(state, call) {
  const path = decodeURIComponent(call.url.pathname).replace(/^\/v1\.0\//, '');
  for (const [method, shape, handler] of routes) {
    const match = path.match(shape);
    if (match && method === call.method) return handler(state, call, ...match.slice(1));
  }
  throw refused('Bad Request', 'BadRequest', `${call.method} ${path}`);
}

function one(all, fits) {
  const found = all.find(fits);
  if (!found) throw unknown();
  return found;
}

// A new identity is known after some looks.
function principal(state, _, id) {
  if (state.lag > 0) {
    state.lag--;
    throw unknown();
  }
  return one(state.principals, p => p.id === id);
}

function addPrincipal(state, { body }) {
  one(state.applications, a => a.appId === body.appId);
  state.principals.push({ id: randomUUID(), appId: body.appId });
}

function assignments(state, { url }, id) {
  const all = state.assignments.filter(a => a.principalId === id);
  const skip = Number(url.searchParams.get('$skiptoken') ?? 0);
  const next = `${state.graph}/v1.0/servicePrincipals/${id}/appRoleAssignments?$skiptoken=${skip + PAGE}`;
  return { ...(all.length > skip + PAGE && { '@odata.nextLink': next }), value: all.slice(skip, skip + PAGE) };
}

function assign(state, { body }, resource) {
  if (!state.mayGrant) throw denied();
  const { roles } = one(state.principals, p => p.id === resource);
  const isKnown = roles.includes(body.appRoleId) && body.resourceId === resource;
  const isThere = state.assignments.some(a => a.principalId === body.principalId && a.appRoleId === body.appRoleId);
  if (!isKnown || isThere) throw refused('Bad Request', 'Request_BadRequest', 'Permission being assigned was not found or already exists');
  one(state.principals, p => p.id === body.principalId);
  state.assignments.push(body);
  return body;
}

function upsert(state, { headers, body }, uniqueName) {
  if (!state.mayRegister) throw denied();
  if (headers !== 'Prefer=create-if-missing') throw unknown();
  state.applications.push({ uniqueName, id: randomUUID(), appId: randomUUID(), requiredResourceAccess: [], trusts: [], certificates: [], ...body });
}

function change(state, { body }, id) {
  if (!state.mayRegister) throw denied();
  Object.assign(one(state.applications, a => a.id === id), body);
}

function remove(state, _, id) {
  const gone = one(state.applications, a => a.id === id);
  state.applications = state.applications.filter(a => a.id !== id);
  state.principals = state.principals.filter(p => p.appId !== gone.appId);
  state.deleted.push(id);
}

function purge(state, _, id) {
  if (!state.deleted.includes(id)) throw unknown();
  state.deleted = state.deleted.filter(other => other !== id);
}

function trust(state, { body }, id) {
  const { trusts } = one(state.applications, a => a.id === id);
  if (trusts.some(t => t.name === body.name || (t.issuer === body.issuer && t.subject === body.subject))) {
    throw refused('Conflict', 'Request_MultipleObjectsWithSameKeyValue');
  }
  trusts.push(body);
}
