//! The parts of an app out of settings: tenants, vaults, ledger, queue, and the way to the workspace.

use super::clock;
use crate::cloud::{Cloud, Pipeline, Tokens, Vault, Wire};
use crate::describe;
use crate::ledger::{AzureLedger, FolderLedger, Ledger};
use crate::logs::Logs;
use crate::queue::Queue;
use crate::settings::{QueuePlace, Settings, Storage, TenantSettings};
use crate::tenant::{Maker, Tenant, Way};
use azure_core::http::Url;
use std::collections::HashMap;
use std::sync::Arc;
use tracing::debug;

/// Makes tenants of settings. Those without a workspace of their own share one way to the
/// deployment's, whose rules are `common`.
pub(super) fn maker(settings: &Settings, way: Way, own: Arc<Tokens>, common: Vec<Url>) -> Maker {
    let (wire, rules) = (way.wire.clone(), way.rules.clone());
    let sender = move |tokens, cloud: &Cloud| {
        let scope = format!("{}/.default", cloud.logs_audience);
        Pipeline::new(wire.clone(), tokens, scope, None).within(rules.clone())
    };
    let home = settings.cloud;
    let classic = settings.classic_tables;
    let common = logs(&common, sender(own.clone(), home), classic).map(Arc::new);
    Box::new(move |tenant: &TenantSettings, own_workspace| {
        let TenantSettings { id, name, cloud, sources, identity, .. } = tenant;
        let mut made = Tenant::new(id, name, cloud, sources.clone(), identity.clone(), &way);
        made.enabled = tenant.enabled;
        made.azure = tenant.azure.clone();
        made.callers.clone_from(&tenant.callers);
        made.notices.clone_from(&tenant.notices);
        made.action_callers.clone_from(&tenant.action_callers);
        made.formats.clone_from(&tenant.formats);
        let (actions, acting) = (tenant.actions.clone(), tenant.acting.clone());
        made = made.acting_as(actions, acting, &way);
        made.logs = match own_workspace {
            false => common.clone(),
            true => {
                let pipeline = match tenant.sender.clone() {
                    Some(identity) => sender(Arc::new(way.tokens(identity, cloud)), cloud),
                    None => sender(own.clone(), home),
                };
                logs(&tenant.rules, pipeline, classic).map(Arc::new)
            }
        };
        made
    })
}

/// The vaults that hold what the settings refer to, as the app itself reads them.
pub fn vault(settings: &Settings, wire: Wire) -> Vault {
    Vault::new(settings.app_identity.clone(), settings.cloud.sign_in, wire, clock)
}

pub(super) fn ledger(settings: &Settings, own: &Tokens) -> Result<Arc<dyn Ledger>, String> {
    match &settings.storage {
        Storage::Folder(folder) => Ok(Arc::new(FolderLedger::new(folder.clone()))),
        Storage::Azure(account) => {
            let made = AzureLedger::new(account, &settings.container, own, clock);
            let ledger = made.map_err(|_| {
                "POSTURE_STORAGE and the app's identity make no storage client: check both"
                    .to_owned()
            })?;
            Ok(Arc::new(ledger))
        }
    }
}

pub(super) fn queue(settings: &Settings, own: &Tokens) -> Result<Option<Queue>, String> {
    let Some(QueuePlace { account, name }) = &settings.queue else { return Ok(None) };
    let made = Queue::new(account, name, own, clock);
    made.map(Some).map_err(|_| {
        "POSTURE_QUEUE_URL and the app's identity make no storage client: check both".to_owned()
    })
}

/// The way to the workspace: each stream by the rule that `describe` packed it into.
pub fn logs(rules: &[Url], pipeline: Pipeline, classic: bool) -> Option<Logs> {
    let packed = describe::rules();
    if rules.len() > packed.len() {
        debug!("POSTURE_LOGS_RULES has {} ids for {} rules", rules.len(), packed.len());
    }
    let streams = packed.iter().zip(rules).flat_map(|(rule, address)| {
        let fed = rule.iter().filter(|stream| classic || !stream.is_classic());
        fed.map(|stream| (stream.name(), address.clone()))
    });
    let streams: HashMap<_, _> = streams.collect();
    (!streams.is_empty()).then(|| Logs::new(pipeline, streams))
}
